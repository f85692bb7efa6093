// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPoll} from "../interfaces/IPoll.sol";
import {BabyJubJub} from "./BabyJubJub.sol";
import {StrictCalldata} from "./StrictCalldata.sol";

/// @title What a bundle of messages shows
/// @notice A bundle's messages are given as they are, with the end of their own chain. That the one belongs to the other
/// is proven about a number: the value at `c` of the polynomial whose coefficients are the messages' elements. `c` is a
/// hash of the elements and of the chain's end, so both are fixed before anybody knows it: two lists of elements of one
/// length have the same value with probability (13 n) / r.
library Bundles {
    /// @dev Modulus of all elements. Assembly takes no constant of another library.
    uint256 private constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    /// @dev What a message is in calldata: the ciphertext, and the one-time key.
    uint256 private constant MESSAGE_WORDS = 12;
    /// @dev What it is in the event: its anchor before these.
    uint256 private constant ELEMENTS = 13;

    /// @dev `publishBundle` was called with the one encoding of its arguments.
    function requireEncoding(uint256[2][] calldata anchors, bytes calldata anchorPlaces, uint256[12][] calldata messages)
        internal
        pure
    {
        (uint256 first, uint256 second, uint256 third) = (0, 0, 0);
        assembly ("memory-safe") {
            first := anchors.offset
            second := anchorPlaces.offset
            third := messages.offset
        }
        StrictCalldata.requireThree(
            12, [first, 64 * anchors.length], second, anchorPlaces, [third, 32 * MESSAGE_WORDS * messages.length]
        );
    }

    /// @dev The event's data, which is also what `c` is the hash of: inner, 64, n, and n times 13 elements.
    /// @param anchors Number of a block and its anchor: that these belong together, and may be used, is not checked here.
    /// @param anchorPlaces For each message the place of its anchor in `anchors`; empty for 0, where `anchors` is empty.
    /// @return start Where it is in memory.
    /// @return size Bytes of it.
    function write(
        uint256[2][] calldata anchors,
        bytes calldata anchorPlaces,
        uint256[12][] calldata messages,
        uint256 inner
    ) internal pure returns (uint256 start, uint256 size) {
        uint256 n = messages.length;
        if (anchorPlaces.length != (anchors.length == 0 ? 0 : n)) revert IPoll.LengthMismatch(anchorPlaces.length, n);
        size = 96 + 32 * ELEMENTS * n;
        assembly ("memory-safe") {
            start := mload(0x40)
            mstore(0x40, add(start, size))
            mstore(start, inner)
            mstore(add(start, 0x20), 0x40)
            mstore(add(start, 0x40), n)
        }
        for (uint256 i = 0; i < n; ++i) {
            uint256 anchor = anchors.length == 0 ? 0 : _anchor(anchors, uint8(anchorPlaces[i]));
            assembly ("memory-safe") {
                // Within the `size` bytes allocated above: 32 * 13 for each message, behind three words.
                let to := add(add(start, 0x60), mul(i, 0x1a0))
                mstore(to, anchor)
                calldatacopy(add(to, 0x20), add(messages.offset, mul(i, 0x180)), 0x180)
            }
        }
    }

    /// @dev c, and the value there: sum of v_k c^(13 n - 1 - k) over the 13 n elements v_k.
    /// @param start What `write` wrote.
    /// @param size Bytes of it.
    function evaluate(uint256 start, uint256 size) internal pure returns (uint256 c, uint256 e) {
        uint256 wrong;
        assembly ("memory-safe") {
            c := mod(keccak256(start, size), R)
            let end := add(start, size)
            for { let next := add(start, 0x60) } lt(next, end) { next := add(next, 0x20) } {
                let element := mload(next)
                wrong := or(wrong, iszero(lt(element, R)))
                e := addmod(mulmod(e, c, R), element, R)
            }
        }
        if (wrong != 0) revert IPoll.NonCanonicalBundle();
    }

    function _anchor(uint256[2][] calldata anchors, uint256 place) private pure returns (uint256) {
        if (place >= anchors.length) revert IPoll.UnknownAnchor(place, anchors.length);
        return anchors[place][1];
    }
}
