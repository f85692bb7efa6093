// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {PollInfo, PollState} from "src/libraries/Types.sol";
import {Reentrant} from "./Hostile.sol";

/// @title Deploys what it is given, as factories do that people share
contract SharedFactory {
    event Deployed(address made);

    function deploy(bytes32 salt, bytes memory code) external {
        address made;
        assembly {
            made := create2(0, add(code, 0x20), mload(code), salt)
        }
        require(made != address(0));
        emit Deployed(made);
    }
}

/// @title A policy that calls back and says of its target what it was told
contract HostilePolicy is Reentrant {
    address public guarded;

    function setTarget(address newGuarded) external {
        guarded = newGuarded;
    }

    function enforce(address, bytes calldata) external {
        _reenter();
    }
}

/// @title A token whose votes are counted by time
contract TimedVotes is ERC20, ERC20Votes {
    constructor() ERC20("TimedVotes", "TIMED") EIP712("TimedVotes", "1") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }
}

/// @title Votes of a token that does not say what it counts in
contract ClocklessVotes {
    function getPastVotes(address, uint256 timepoint) external view returns (uint256) {
        require(timepoint < block.number);
        return 1000;
    }

    function getPastTotalSupply(uint256 timepoint) external view returns (uint256) {
        require(timepoint < block.number);
        return 5000;
    }
}

/// @title A poll whose settings change, as behind a proxy
contract ChangingPoll {
    PollInfo private _info;

    function setVoteOptions(uint32 voteOptions) external {
        _info.settings.voteOptions = voteOptions;
    }

    function pollInfo() external view returns (PollInfo memory) {
        return _info;
    }

    function state() external pure returns (PollState) {
        return PollState.Aborted;
    }
}
