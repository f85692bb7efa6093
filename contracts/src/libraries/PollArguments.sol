// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IVoiceCreditProxy} from "../interfaces/IVoiceCreditProxy.sol";
import {PollInfo, PollSettings, PublicKey, Shape} from "./Types.sol";

/// @notice Where the arguments of a poll are in memory: its own, read once a call.
type Arguments is uint256;

using PollArguments for Arguments global;

/// @title What a poll is made with, as the arguments in a clone's code
/// @notice All fields of `PollInfo` in their order, each as wide as its type. Each is read where it is needed: most calls
/// need a few.
library PollArguments {
    /// @dev Bytes of a clone's code before its arguments (ERC-1167).
    uint256 private constant START = 0x2d;
    uint256 private constant SIZE = 470;

    /// @notice The arguments as bytes.
    function encode(PollInfo memory info) internal pure returns (bytes memory) {
        return bytes.concat(_encodeFixed(info), _encodeCount(info.settings), _encodeMoney(info.settings));
    }

    /// @notice The arguments in the code of the clone that this is executed in.
    function read() internal view returns (Arguments all) {
        assembly ("memory-safe") {
            all := mload(0x40)
            extcodecopy(address(), all, START, SIZE)
            // Whole words: 480 bytes hold the 470.
            mstore(0x40, add(all, 0x1e0))
        }
    }

    /// @notice All of them.
    function decode(Arguments all) internal pure returns (PollInfo memory info) {
        info.maci = all.maci();
        info.owner = all.owner();
        info.pollId = all.pollId();
        info.verifier = all.verifier();
        info.joinVerifier = all.joinVerifier();
        info.bundleVerifier = all.bundleVerifier();
        info.pollContext = all.pollContext();
        info.scope = all.scope();
        info.emptyStateRoot = all.emptyStateRoot();
        info.emptyTallyRoot = all.emptyTallyRoot();
        PollSettings memory settings = info.settings;
        settings.coordinatorKey = all.coordinatorKey();
        settings.voteOptions = all.voteOptions();
        settings.mode = all.mode();
        settings.shape = all.shape();
        settings.startTime = all.startTime();
        settings.endTime = all.endTime();
        settings.signedWithin = all.signedWithin();
        settings.lastRoot = all.lastRoot();
        settings.provingBase = all.provingBase();
        settings.provingPerMessage = all.provingPerMessage();
        settings.provingMax = all.provingMax();
        settings.credits = all.credits();
        settings.topUpToken = all.topUpToken();
        settings.creditUnit = all.creditUnit();
        settings.beneficiary = all.beneficiary();
        settings.messageFee = all.messageFee();
    }

    // Each field, as `PollInfo` and `PollSettings` document it.

    function maci(Arguments all) internal pure returns (address) {
        return address(uint160(_at(all, 0, 96)));
    }

    function owner(Arguments all) internal pure returns (address) {
        return address(uint160(_at(all, 20, 96)));
    }

    function pollId(Arguments all) internal pure returns (uint64) {
        return uint64(_at(all, 40, 192));
    }

    function verifier(Arguments all) internal pure returns (address) {
        return address(uint160(_at(all, 48, 96)));
    }

    function joinVerifier(Arguments all) internal pure returns (address) {
        return address(uint160(_at(all, 68, 96)));
    }

    function bundleVerifier(Arguments all) internal pure returns (address) {
        return address(uint160(_at(all, 88, 96)));
    }

    function pollContext(Arguments all) internal pure returns (uint256) {
        return _at(all, 108, 0);
    }

    function scope(Arguments all) internal pure returns (uint256) {
        return _at(all, 140, 0);
    }

    function emptyStateRoot(Arguments all) internal pure returns (uint256) {
        return _at(all, 172, 0);
    }

    function emptyTallyRoot(Arguments all) internal pure returns (uint256) {
        return _at(all, 204, 0);
    }

    function coordinatorKey(Arguments all) internal pure returns (PublicKey memory) {
        return PublicKey(_at(all, 236, 0), _at(all, 268, 0));
    }

    function voteOptions(Arguments all) internal pure returns (uint32) {
        return uint32(_at(all, 300, 224));
    }

    function mode(Arguments all) internal pure returns (uint8) {
        return uint8(_at(all, 304, 248));
    }

    function shape(Arguments all) internal pure returns (Shape memory) {
        return Shape(uint8(_at(all, 305, 248)), uint8(_at(all, 306, 248)), uint8(_at(all, 307, 248)));
    }

    function startTime(Arguments all) internal pure returns (uint64) {
        return uint64(_at(all, 308, 192));
    }

    function endTime(Arguments all) internal pure returns (uint64) {
        return uint64(_at(all, 316, 192));
    }

    function signedWithin(Arguments all) internal pure returns (uint16) {
        return uint16(_at(all, 324, 240));
    }

    function lastRoot(Arguments all) internal pure returns (uint32) {
        return uint32(_at(all, 326, 224));
    }

    function provingBase(Arguments all) internal pure returns (uint64) {
        return uint64(_at(all, 330, 192));
    }

    function provingPerMessage(Arguments all) internal pure returns (uint32) {
        return uint32(_at(all, 338, 224));
    }

    function provingMax(Arguments all) internal pure returns (uint32) {
        return uint32(_at(all, 342, 224));
    }

    function credits(Arguments all) internal pure returns (IVoiceCreditProxy) {
        return IVoiceCreditProxy(address(uint160(_at(all, 346, 96))));
    }

    function topUpToken(Arguments all) internal pure returns (IERC20) {
        return IERC20(address(uint160(_at(all, 366, 96))));
    }

    function creditUnit(Arguments all) internal pure returns (uint256) {
        return _at(all, 386, 0);
    }

    function beneficiary(Arguments all) internal pure returns (address) {
        return address(uint160(_at(all, 418, 96)));
    }

    function messageFee(Arguments all) internal pure returns (uint256) {
        return _at(all, 438, 0);
    }

    function _encodeFixed(PollInfo memory info) private pure returns (bytes memory) {
        return abi.encodePacked(
            info.maci,
            info.owner,
            info.pollId,
            info.verifier,
            info.joinVerifier,
            info.bundleVerifier,
            info.pollContext,
            info.scope,
            info.emptyStateRoot,
            info.emptyTallyRoot
        );
    }

    function _encodeCount(PollSettings memory settings) private pure returns (bytes memory) {
        return abi.encodePacked(
            settings.coordinatorKey.x,
            settings.coordinatorKey.y,
            settings.voteOptions,
            settings.mode,
            settings.shape.stateTreeDepth,
            settings.shape.voteOptionTreeDepth,
            settings.shape.eventsPerStep,
            settings.startTime,
            settings.endTime,
            settings.signedWithin,
            settings.lastRoot
        );
    }

    function _encodeMoney(PollSettings memory settings) private pure returns (bytes memory) {
        return abi.encodePacked(
            settings.provingBase,
            settings.provingPerMessage,
            settings.provingMax,
            settings.credits,
            settings.topUpToken,
            settings.creditUnit,
            settings.beneficiary,
            settings.messageFee
        );
    }

    /// @dev The number in the word from `offset` on, less its last bits, which are of the next numbers.
    function _at(Arguments all, uint256 offset, uint256 bits) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(bits, mload(add(all, offset)))
        }
    }
}
