// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPoll} from "../interfaces/IPoll.sol";
import {OptionResult} from "./Types.sol";

/// @title Results as the code of a contract of their own
/// @notice A byte of code costs 200 gas, a word of storage 22,100: an option takes 26 bytes of code.
/// @dev The code is 0x00, so that nothing of it is ever executed, then 13 bytes of votes with a sign and 13 bytes of
/// spent credits: of each option, then of all together. It is the only contract that a poll creates, which fixes its
/// address. The idea is SSTORE2's (0xsequence, Solady).
library Results {
    /// @dev Bytes of a pair, bits of each number in it.
    uint256 private constant PAIR = 26;
    uint256 private constant NUMBER_BITS = 104;
    /// @dev Returns the `size` bytes behind these 10: PUSH2 size, DUP1, PUSH1 10, RETURNDATASIZE (which is 0), CODECOPY,
    /// RETURNDATASIZE, RETURN.
    uint256 private constant CREATION = 0x61000080600a3d393df3;
    uint256 private constant CREATION_BYTES = 10;
    uint256 private constant SIZE_SHIFT = 56;
    /// @dev To the upper end of a word.
    uint256 private constant WORD_SHIFT = 176;

    /// @notice Stores what each option received, at most 944 of them, and the totals.
    /// @return totals The sums over all options.
    function store(OptionResult[] calldata results) internal returns (OptionResult memory totals) {
        uint256 size = 1 + PAIR * (results.length + 1);
        // Pairs are written as whole words, so there is a word more. All of it is 0 at first.
        bytes memory code = new bytes(CREATION_BYTES + size + 32);
        uint256 next;
        assembly ("memory-safe") {
            mstore(add(code, 0x20), shl(WORD_SHIFT, or(CREATION, shl(SIZE_SHIFT, size))))
            next := add(code, add(0x21, CREATION_BYTES))
        }
        int256 votes;
        uint256 spent;
        for (uint256 i = 0; i < results.length; ++i) {
            (int256 itsVotes, uint256 itsSpent) = _words(results, i);
            next = _write(next, itsVotes, itsSpent);
            // Sums of at most 944 numbers of 13 bytes each.
            unchecked {
                votes += itsVotes;
                spent += itsSpent;
            }
        }
        _write(next, votes, spent);
        totals = OptionResult(int128(votes), uint128(spent));
        address created;
        assembly ("memory-safe") {
            created := create(0, add(code, 0x20), add(CREATION_BYTES, size))
        }
        if (created == address(0)) revert IPoll.ResultsNotStored();
    }

    /// @notice What this contract stored before: the pair of an option, or with the number of options the totals.
    function read(uint256 index) internal view returns (OptionResult memory) {
        return readAll(index, 1)[0];
    }

    /// @notice So many pairs from the one of this index on.
    function readAll(uint256 index, uint256 count) internal view returns (OptionResult[] memory results) {
        results = new OptionResult[](count);
        address stored = location(address(this));
        bytes memory pairs = new bytes(PAIR * count);
        assembly ("memory-safe") {
            extcodecopy(stored, add(pairs, 0x20), add(1, mul(PAIR, index)), mload(pairs))
        }
        for (uint256 i = 0; i < count; ++i) {
            uint256 word;
            assembly ("memory-safe") {
                word := mload(add(add(pairs, 0x20), mul(PAIR, i)))
            }
            results[i].votes = int104(uint104(word >> (256 - NUMBER_BITS)));
            results[i].spent = uint104(word >> (256 - 2 * NUMBER_BITS));
        }
    }

    /// @notice Where the results of a poll are: a contract's first creation has nonce 1,
    /// so keccak256(rlp([poll, 1])).
    function location(address poll) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", poll, hex"01")))));
    }

    /// @dev The two words of a result, for which the decoder's checks would cost more than the rest: `_write` refuses
    /// more than the decoder would.
    function _words(OptionResult[] calldata results, uint256 i) private pure returns (int256 votes, uint256 spent) {
        assembly ("memory-safe") {
            let place := add(results.offset, shl(6, i))
            votes := calldataload(place)
            spent := calldataload(add(place, 0x20))
        }
    }

    /// @dev Writes a pair at a place in memory, and zeros behind it up to the word's end.
    /// @return next The place behind the pair.
    function _write(uint256 place, int256 votes, uint256 spent) private pure returns (uint256 next) {
        bool fits = votes == int104(votes) && spent >> NUMBER_BITS == 0;
        if (!fits) revert IPoll.ResultTooLarge();
        assembly ("memory-safe") {
            // Inside of the code and the word behind it. The upper bits of the votes fall out.
            mstore(place, or(shl(sub(256, NUMBER_BITS), votes), shl(sub(256, mul(2, NUMBER_BITS)), spent)))
            next := add(place, PAIR)
        }
    }
}
