// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {IPoll} from "../interfaces/IPoll.sol";
import {OptionResult, PollState} from "../libraries/Types.sol";

/// @title Example: pays a prize by a poll's result
/// @notice The option with the most votes takes the prize; options that tie share it. Without any option of more than 0
/// votes, or if the poll was given up, the prize goes back to who paid it in.
/// @dev What to take over from here:
/// - The poll's ADDRESS is pinned: whoever makes this has checked what is there (`maci-nova verify`, or the address
///   computed from the factory, its implementation and the arguments). Being one of a MACI's polls proves nothing.
/// - The DIGEST of its `pollInfo` is pinned too: coordinator, options, times, who may join and with which credits are
///   what people agreed to, not what somebody made who was faster. The coordinator and the poll's owner are named in it.
/// - Results are read once, when the poll says that they are final, and never change afterwards.
/// - Payments are pulled: a payee that refuses its money keeps nobody else from theirs.
contract PayByResult {
    /// @notice The contract is not the poll that people agreed to.
    /// @param given keccak256 of its `pollInfo`, ABI-encoded.
    /// @param expected The digest that was pinned.
    error WrongPoll(bytes32 given, bytes32 expected);
    /// @notice There is one payee for each option.
    /// @param given Payees.
    /// @param expected Options.
    error WrongNumberOfPayees(uint256 given, uint256 expected);
    /// @notice The poll has no outcome yet.
    error NotDecided();
    /// @notice What each gets is known already.
    error AlreadySettled();
    /// @notice There is nothing (more) for the sender.
    error NothingToPay();
    /// @notice The sender refuses its money.
    error PaymentFailed();

    /// @notice An outcome is known.
    /// @param state Finalized or Aborted.
    /// @param winners How many share the prize; 0 if it goes back.
    event Settled(PollState state, uint256 winners);
    /// @notice Somebody took what is theirs.
    /// @param payee Who.
    /// @param amount In wei.
    event Paid(address indexed payee, uint256 amount);

    /// @notice The poll that decides.
    IPoll public immutable POLL;
    /// @notice keccak256 of its `pollInfo`, ABI-encoded.
    bytes32 public immutable POLL_INFO;
    /// @notice Who paid the prize in.
    address public immutable SPONSOR;
    /// @notice In wei.
    uint256 public immutable PRIZE;

    /// @notice Whether it is known what each gets.
    bool public settled;
    /// @notice What an account may take, in wei.
    mapping(address payee => uint256) public owed;
    address[] private _payees;

    /// @param poll The poll that decides.
    /// @param info keccak256 of its `pollInfo`, ABI-encoded, from whoever announced it (`pollInfo` in poll.json).
    /// @param payees Who gets the prize if an option wins, one for each option.
    constructor(IPoll poll, bytes32 info, address[] memory payees) payable {
        (POLL, POLL_INFO, SPONSOR, PRIZE) = (poll, info, msg.sender, msg.value);
        uint256 options = poll.pollInfo().settings.voteOptions;
        if (payees.length != options) revert WrongNumberOfPayees(payees.length, options);
        _payees = payees;
        _requirePoll(poll, info);
    }

    /// @notice Reads the outcome. Anybody may call it, once there is one.
    function settle() external {
        if (settled) revert AlreadySettled();
        // Again, in case that there was a proxy at that address, which is another contract now.
        _requirePoll(POLL, POLL_INFO);
        PollState state = POLL.state();
        if (state != PollState.Finalized && state != PollState.Aborted) revert NotDecided();
        settled = true;
        uint256 winners = state == PollState.Finalized ? _share(POLL.results()) : 0;
        if (winners == 0) owed[SPONSOR] += PRIZE;
        emit Settled(state, winners);
    }

    /// @notice Pays the sender what is theirs.
    function withdraw() external {
        uint256 amount = owed[msg.sender];
        if (amount == 0) revert NothingToPay();
        // Before the call, or who is paid could come back for more.
        owed[msg.sender] = 0;
        emit Paid(msg.sender, amount);
        (bool ok,) = msg.sender.call{value: amount}("");
        if (!ok) revert PaymentFailed();
    }

    /// @notice The payee of an option.
    /// @param option From 0.
    /// @return Who gets the prize if it wins.
    function payeeOf(uint256 option) external view returns (address) {
        return _payees[option];
    }

    /// @dev Shares the prize among the options with the most votes, more than 0. What cannot be divided goes to the
    /// first of them.
    function _share(OptionResult[] memory results) private returns (uint256 winners) {
        int128 most = 0;
        for (uint256 i = 0; i < results.length; ++i) {
            if (results[i].votes > most) (most, winners) = (results[i].votes, 0);
            if (results[i].votes == most && most > 0) ++winners;
        }
        if (winners == 0) return 0;
        uint256 share = PRIZE / winners;
        uint256 rest = PRIZE % winners;
        for (uint256 i = 0; i < results.length; ++i) {
            if (results[i].votes != most) continue;
            owed[_payees[i]] += share + rest;
            rest = 0;
        }
    }

    function _requirePoll(IPoll poll, bytes32 expected) private view {
        bytes32 given = keccak256(abi.encode(poll.pollInfo()));
        if (given != expected) revert WrongPoll(given, expected);
    }
}
