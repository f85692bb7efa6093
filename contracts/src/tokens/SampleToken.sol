// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {StrictCalldata} from "../libraries/StrictCalldata.sol";

/// @title An ERC-20 with votes
/// @notice For trying out top-ups and `VotesInitialVoiceCreditProxy`. Votes count after `delegate`, to oneself too.
contract SampleToken is ERC20, ERC20Votes, Ownable {
    /// @param owner Who mints.
    constructor(address owner) ERC20("SampleToken", "SAMPLE") EIP712("SampleToken", "1") Ownable(owner) {}

    /// @notice Makes new tokens.
    function mint(address to, uint256 amount) external onlyOwner {
        StrictCalldata.requireStatic(2);
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }
}
