// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {StrictCalldata} from "../libraries/StrictCalldata.sol";

/// @title A token that lets its owner sign up
/// @notice For trying out, with `SignUpTokenGatekeeper`.
contract SignUpToken is ERC721, Ownable {
    /// @notice How many there are; their ids are 0 to count - 1.
    uint256 public count;

    /// @param owner Who gives tokens.
    constructor(address owner) ERC721("SignUpToken", "SIGNUP") Ownable(owner) {}

    /// @notice Gives a new token to `to`.
    /// @return tokenId Its id.
    function giveToken(address to) external onlyOwner returns (uint256 tokenId) {
        StrictCalldata.requireStatic(1);
        tokenId = count++;
        _mint(to, tokenId);
    }
}
