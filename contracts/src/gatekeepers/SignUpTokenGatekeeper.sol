// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {SignUpGatekeeper} from "./SignUpGatekeeper.sol";

/// @title Lets owners of an ERC-721 token in, once for each token
contract SignUpTokenGatekeeper is SignUpGatekeeper {
    /// @notice The data is not one word, the token's id.
    error MalformedGatekeeperData();
    /// @notice The token belongs to somebody else.
    /// @param tokenId The token.
    error NotTokenOwner(uint256 tokenId);
    /// @notice Somebody signed up with this token.
    /// @param tokenId The token.
    error TokenAlreadyUsed(uint256 tokenId);

    /// @notice The token.
    IERC721 public immutable TOKEN;

    /// @notice Whether a token has been used.
    mapping(uint256 tokenId => bool) public used;

    /// @param owner Who names the MACI.
    /// @param token The ERC-721 whose owners may sign up.
    constructor(address owner, IERC721 token) SignUpGatekeeper(owner) {
        TOKEN = token;
    }

    function _register(address user, bytes calldata data) internal override {
        if (data.length != 32) revert MalformedGatekeeperData();
        uint256 tokenId = uint256(bytes32(data));
        if (used[tokenId]) revert TokenAlreadyUsed(tokenId);
        used[tokenId] = true;
        if (TOKEN.ownerOf(tokenId) != user) revert NotTokenOwner(tokenId);
    }
}
