// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IVoiceCreditProxy} from "../interfaces/IVoiceCreditProxy.sol";
import {PollInfo, PollSettings, PublicKey, Shape} from "./Types.sol";

/// @title What a poll is made with, as the arguments in a clone's code
/// @notice All fields of `PollInfo` in their order, each as wide as its type.
library PollArguments {
    /// @dev Bytes of a clone's code before its arguments (ERC-1167).
    uint256 private constant START = 0x2d;
    uint256 private constant SIZE = 450;

    /// @notice The arguments as bytes.
    function encode(PollInfo memory info) internal pure returns (bytes memory) {
        return bytes.concat(_encodeFixed(info), _encodeCount(info.settings), _encodeMoney(info.settings));
    }

    /// @notice The arguments in the code of the clone that this is executed in.
    function read() internal view returns (PollInfo memory info) {
        bytes memory all = new bytes(SIZE);
        assembly ("memory-safe") {
            extcodecopy(address(), add(all, 0x20), START, SIZE)
        }
        info.maci = address(uint160(_at(all, 0, 20)));
        info.owner = address(uint160(_at(all, 20, 20)));
        info.pollId = uint64(_at(all, 40, 8));
        info.verifier = address(uint160(_at(all, 48, 20)));
        info.joinVerifier = address(uint160(_at(all, 68, 20)));
        info.pollContext = _at(all, 88, 32);
        info.scope = _at(all, 120, 32);
        info.emptyStateRoot = _at(all, 152, 32);
        info.emptyTallyRoot = _at(all, 184, 32);
        PollSettings memory settings = info.settings;
        settings.coordinatorKey = PublicKey(_at(all, 216, 32), _at(all, 248, 32));
        settings.voteOptions = uint32(_at(all, 280, 4));
        settings.mode = uint8(_at(all, 284, 1));
        settings.shape = Shape(uint8(_at(all, 285, 1)), uint8(_at(all, 286, 1)), uint8(_at(all, 287, 1)));
        settings.startTime = uint64(_at(all, 288, 8));
        settings.endTime = uint64(_at(all, 296, 8));
        settings.signedWithin = uint16(_at(all, 304, 2));
        settings.lastRoot = uint32(_at(all, 306, 4));
        settings.provingBase = uint64(_at(all, 310, 8));
        settings.provingPerMessage = uint32(_at(all, 318, 4));
        settings.provingMax = uint32(_at(all, 322, 4));
        settings.credits = IVoiceCreditProxy(address(uint160(_at(all, 326, 20))));
        settings.topUpToken = IERC20(address(uint160(_at(all, 346, 20))));
        settings.creditUnit = _at(all, 366, 32);
        settings.beneficiary = address(uint160(_at(all, 398, 20)));
        settings.messageFee = _at(all, 418, 32);
    }

    function _encodeFixed(PollInfo memory info) private pure returns (bytes memory) {
        return abi.encodePacked(
            info.maci,
            info.owner,
            info.pollId,
            info.verifier,
            info.joinVerifier,
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

    /// @dev The number in `size` bytes from `offset` on; at most 32, inside of `all`.
    function _at(bytes memory all, uint256 offset, uint256 size) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), mload(add(add(all, 0x20), offset)))
        }
    }
}
