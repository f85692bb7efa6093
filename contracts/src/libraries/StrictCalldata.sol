// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ICommonErrors} from "../interfaces/ICommonErrors.sol";

/// @title One call has one encoding
/// @notice The ABI decoder takes trailing bytes, arguments anywhere in the calldata and dirty padding; a function that
/// calls one of these takes nothing but what an encoder writes. Of values narrower than a word the decoder itself
/// refuses dirty bits.
library StrictCalldata {
    /// @dev Where the elements of a first dynamic argument begin, after the selector, the head and a length word.
    function tail(uint256 headWords) internal pure returns (uint256) {
        return 4 + 32 * (headWords + 1);
    }

    /// @dev All arguments are static and take `words` words.
    function requireStatic(uint256 words) internal pure {
        if (msg.data.length != 4 + 32 * words) revert ICommonErrors.MalformedCalldata();
    }

    /// @dev One dynamic argument behind a head of `headWords` words: `size` bytes that start at `start`.
    function requireArray(uint256 headWords, uint256 start, uint256 size) internal pure {
        if (start != tail(headWords) || msg.data.length != start + size) revert ICommonErrors.MalformedCalldata();
    }

    /// @dev Two arrays are the dynamic arguments behind a head of `headWords` words.
    function requireArrays(uint256 headWords, uint256 start, uint256 size, uint256 secondStart, uint256 secondSize)
        internal
        pure
    {
        bool second = secondStart == start + size + 32 && msg.data.length == secondStart + secondSize;
        if (start != tail(headWords) || !second) revert ICommonErrors.MalformedCalldata();
    }

    /// @dev `data` is the one dynamic argument behind a head of `headWords` words; zeros fill its last word.
    function requireBytes(uint256 headWords, bytes calldata data) internal pure {
        uint256 start;
        assembly ("memory-safe") {
            start := data.offset
        }
        uint256 size = (data.length + 31) & ~uint256(31);
        requireArray(headWords, start, size);
        uint256 used = data.length % 32;
        if (used == 0) return;
        uint256 padding;
        assembly ("memory-safe") {
            padding := shl(shl(3, used), calldataload(add(start, sub(size, 32))))
        }
        if (padding != 0) revert ICommonErrors.MalformedCalldata();
    }
}
