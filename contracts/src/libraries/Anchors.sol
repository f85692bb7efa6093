// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IMACI} from "../interfaces/IMACI.sol";
import {IPoll} from "../interfaces/IPoll.sol";
import {BabyJubJub} from "./BabyJubJub.sol";

/// @title Anchors: what shows that a vote was signed a short while ago
/// @notice An anchor is made of the hash of a recent block, which nobody can know before that block is there, and of the
/// poll. Voters sign it with their votes, so what was signed cannot be sent again once its block is too old.
library Anchors {
    /// @dev Keeps the hashes of the last 8191 blocks; takes and answers 32 bytes, without a selector.
    address internal constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;
    /// @dev Within BLOCKHASH's 256.
    uint256 internal constant MAX_WITHOUT_HISTORY = 255;
    uint256 internal constant MAX = 8190;
    /// @dev A window of fewer blocks would refuse what its sender signed a moment ago.
    uint256 internal constant MIN = 5;
    /// @dev The window shrinks during the last hour, down to a fifteenth.
    uint256 internal constant SHRINKING = 1 hours;
    uint256 internal constant LAST_PART = 15;

    /// @notice Reverts unless votes can be required to be signed within so many blocks on this chain.
    function requireSupported(uint16 signedWithin) internal view {
        if (signedWithin == 0) return;
        if (signedWithin < MIN || signedWithin > MAX) revert IMACI.SignedWithinOutOfRange(signedWithin);
        if (signedWithin <= MAX_WITHOUT_HISTORY) return;
        bytes32 known = blockhash(block.number - 1);
        if (known == 0 || _fromHistory(block.number - 1) != known) revert IMACI.NoBlockHistory();
    }

    /// @notice How many blocks back from the present one are taken with `left` seconds to go:
    /// max(5, ceil(W / 15), min(W, floor(W * left / 3600))), which is W until the last hour.
    /// @dev What somebody can repeat in the last moment was then signed about a minute ago, if W is 15 minutes.
    function window(uint256 signedWithin, uint256 left) internal pure returns (uint256) {
        uint256 least = (signedWithin + LAST_PART - 1) / LAST_PART;
        if (least < MIN) least = MIN;
        uint256 shrunk = left < SHRINKING ? signedWithin * left / SHRINKING : signedWithin;
        return shrunk < least ? least : shrunk;
    }

    /// @notice The anchor of a block for the contract that calls this: keccak256(hash, chain id, contract) mod r.
    /// @dev Bound to the contract: under the anchors of a twin, with the same id and key, nothing is signed for this one.
    /// @param blockNumber Not above the last block, and not more than `blocks` below the present one.
    /// @param blocks How many blocks back from the present one are taken.
    /// @return anchor The anchor.
    /// @return hash The block's hash.
    function anchorOf(uint256 blockNumber, uint256 blocks) internal view returns (uint256 anchor, bytes32 hash) {
        uint256 oldest = block.number > blocks ? block.number - blocks : 0;
        if (blockNumber < oldest) revert IPoll.AnchorTooOld(blockNumber, oldest);
        hash = _hashOf(blockNumber);
        if (hash == 0) revert IPoll.AnchorUnknown(blockNumber);
        anchor = uint256(keccak256(abi.encode(hash, block.chainid, address(this)))) % BabyJubJub.R;
    }

    /// @dev The hash of a block; 0 for what is not below the present one and for what nobody knows.
    function _hashOf(uint256 blockNumber) private view returns (bytes32 hash) {
        if (blockNumber >= block.number) return 0;
        bool recent = block.number - blockNumber <= MAX_WITHOUT_HISTORY;
        return recent ? blockhash(blockNumber) : _fromHistory(blockNumber);
    }

    /// @dev What the history contract says, 0 if it is not there, refuses or answers with anything but 32 bytes.
    function _fromHistory(uint256 blockNumber) private view returns (bytes32 hash) {
        assembly ("memory-safe") {
            mstore(0, blockNumber)
            let ok := staticcall(gas(), HISTORY, 0, 0x20, 0, 0x20)
            if and(ok, eq(returndatasize(), 0x20)) { hash := mload(0) }
        }
    }
}
