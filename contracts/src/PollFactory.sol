// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {PoseidonT6} from "poseidon-solidity/PoseidonT6.sol";
import {Poll, PollSetup} from "./Poll.sol";
import {BabyJubJub} from "./libraries/BabyJubJub.sol";
import {PollArguments} from "./libraries/PollArguments.sol";
import {StrictCalldata} from "./libraries/StrictCalldata.sol";
import {PollInfo, PollSettings} from "./libraries/Types.sol";

/// @title Makes polls
/// @notice Every poll is a clone of one implementation, with everything about it in its code. Its address is a hash of
/// the factory, the implementation and those arguments: who computes it knows the poll's code, what it was made with,
/// and that its storage was empty at first, whatever the factory is.
contract PollFactory {
    /// @dev All that differs is in the arguments, the caller too: nobody can take the address of another one's poll.
    bytes32 private constant SALT = 0;

    /// @notice What all polls execute.
    Poll public immutable IMPLEMENTATION;

    /// @param implementation What all polls execute.
    constructor(Poll implementation) {
        IMPLEMENTATION = implementation;
    }

    /// @notice Makes a poll of the MACI that calls. Anybody can call this, and gets a poll that asks them for roots;
    /// a poll counts as one of a MACI if that MACI says so.
    /// @param setup What MACI decides.
    /// @param settings What the owner decided, checked by MACI.
    /// @return poll Its address.
    function deploy(PollSetup calldata setup, PollSettings calldata settings) external returns (Poll poll) {
        StrictCalldata.requireStatic(26);
        bytes memory arguments = PollArguments.encode(_info(setup, settings));
        poll = Poll(Clones.cloneDeterministicWithImmutableArgs(address(IMPLEMENTATION), arguments, SALT));
    }

    function _info(PollSetup calldata setup, PollSettings calldata settings)
        private
        view
        returns (PollInfo memory info)
    {
        info.maci = msg.sender;
        info.owner = setup.owner;
        info.pollId = setup.pollId;
        info.verifier = address(setup.verifier);
        info.joinVerifier = address(setup.joinVerifier);
        info.bundleVerifier = address(setup.bundleVerifier);
        info.pollContext = PoseidonT6.hash(
            [
                uint256(setup.pollId),
                settings.coordinatorKey.x,
                settings.coordinatorKey.y,
                uint256(settings.voteOptions),
                uint256(settings.mode)
            ]
        );
        info.scope = uint256(keccak256(abi.encode(block.chainid, msg.sender, setup.pollId))) % BabyJubJub.R;
        info.emptyStateRoot = setup.emptyStateRoot;
        info.emptyTallyRoot = setup.emptyTallyRoot;
        info.settings = settings;
    }
}
