// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {InitialVoiceCreditProxy} from "src/credits/InitialVoiceCreditProxy.sol";
import {SignUpGatekeeper} from "src/gatekeepers/SignUpGatekeeper.sol";

/// @title Makes one prepared call when it gets the chance, for tests only
abstract contract Reentrant {
    address public target;
    bytes public payload;
    /// @notice How many calls went through, how many did not, and what the last of those answered.
    uint256 public succeeded;
    uint256 public failed;
    bytes public reason;

    function prepare(address newTarget, bytes calldata newPayload) external {
        target = newTarget;
        payload = newPayload;
    }

    function _reenter() internal {
        address to = target;
        if (to == address(0)) return;
        // Once, or it would go on for ever.
        target = address(0);
        (bool ok, bytes memory answer) = to.call(payload);
        if (ok) {
            ++succeeded;
        } else {
            ++failed;
            reason = answer;
        }
    }
}

/// @title A token that calls back whenever it moves, takes a fee, and may refuse
contract HostileToken is ERC20, Reentrant {
    error Refused();

    /// @notice Percent of a transfer that are burnt.
    uint256 public fee;
    bool public refuses;

    constructor() ERC20("HostileToken", "HOSTILE") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setFee(uint256 newFee) external {
        fee = newFee;
    }

    function setRefuses(bool newRefuses) external {
        refuses = newRefuses;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (refuses) revert Refused();
        super._update(from, to, value);
        if (from == address(0) || to == address(0)) return;
        if (fee != 0) super._update(to, address(0), value * fee / 100);
        _reenter();
    }
}

/// @title A token that says that it moved and did not
contract LyingToken {
    function balanceOf(address) external pure returns (uint256) {
        return 1000;
    }

    function transferFrom(address, address, uint256) external pure returns (bool) {
        return true;
    }
}

/// @title A token that answers with false, as some do in place of reverting
contract FalseToken {
    function balanceOf(address) external pure returns (uint256) {
        return 1000;
    }

    function transferFrom(address, address, uint256) external pure returns (bool) {
        return false;
    }

    function transfer(address, uint256) external pure returns (bool) {
        return false;
    }
}

/// @title A gatekeeper that calls back
contract HostileGatekeeper is SignUpGatekeeper, Reentrant {
    constructor() SignUpGatekeeper(msg.sender) {}

    function _register(address, bytes calldata) internal override {
        _reenter();
    }
}

/// @title A voice credit proxy that calls back and gives what it was told to
contract HostileCredits is InitialVoiceCreditProxy, Reentrant {
    uint256 public credits;

    function setCredits(uint256 newCredits) external {
        credits = newCredits;
    }

    function getVoiceCredits(address, bytes calldata) external override returns (uint256) {
        _reenter();
        return credits;
    }
}

/// @title An account that is a contract: does what it is told, and calls back when it is paid
contract HostileAccount is Reentrant {
    error Refused();

    bool public refuses;

    function setRefuses(bool newRefuses) external {
        refuses = newRefuses;
    }

    function execute(address to, bytes calldata data) external payable returns (bytes memory) {
        (bool ok, bytes memory answer) = to.call{value: msg.value}(data);
        if (!ok) {
            assembly {
                revert(add(answer, 0x20), mload(answer))
            }
        }
        return answer;
    }

    receive() external payable {
        if (refuses) revert Refused();
        _reenter();
    }
}
