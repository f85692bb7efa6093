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

    /// @dev An array, bytes and another array are the dynamic arguments behind a head of `headWords` words; of the arrays
    /// where they start and their bytes, of the bytes where they start.
    function requireThree(
        uint256 headWords,
        uint256[2] memory first,
        uint256 start,
        bytes calldata data,
        uint256[2] memory last
    ) internal pure {
        bool second = start == first[0] + first[1] + 32 && last[0] == start + _padded(data) + 32;
        bool all = second && msg.data.length == last[0] + last[1];
        if (first[0] != tail(headWords) || !all) revert ICommonErrors.MalformedCalldata();
        _requirePadding(data);
    }

    /// @dev `data` is the one dynamic argument behind a head of `headWords` words; zeros fill its last word.
    function requireBytes(uint256 headWords, bytes calldata data) internal pure {
        uint256 start;
        assembly ("memory-safe") {
            start := data.offset
        }
        requireArray(headWords, start, _padded(data));
        _requirePadding(data);
    }

    /// @dev Bytes that `data` takes.
    function _padded(bytes calldata data) private pure returns (uint256) {
        return (data.length + 31) & ~uint256(31);
    }

    /// @dev Zeros fill the last word of `data`, which is in the calldata as a whole.
    function _requirePadding(bytes calldata data) private pure {
        uint256 used = data.length % 32;
        if (used == 0) return;
        uint256 padding;
        assembly ("memory-safe") {
            padding := shl(shl(3, used), calldataload(add(data.offset, sub(data.length, used))))
        }
        if (padding != 0) revert ICommonErrors.MalformedCalldata();
    }
}
