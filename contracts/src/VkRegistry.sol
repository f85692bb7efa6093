// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {PoseidonT3} from "poseidon-solidity/PoseidonT3.sol";
import {PoseidonT6} from "poseidon-solidity/PoseidonT6.sol";
import {DeciderVerifier} from "./DeciderVerifier.sol";
import {StrictCalldata} from "./libraries/StrictCalldata.sol";
import {Shape} from "./libraries/Types.sol";

/// @title The verifier of each circuit shape
/// @notice The owner sets a shape's verifier once; a poll pins the one that it finds when it is created. With a
/// verifier come the roots of the empty trees, computed here, so that nobody has to be believed about them.
contract VkRegistry is Ownable {
    /// @notice A depth or the number of events is not one that circuits are made for.
    error ShapeOutOfRange();
    /// @notice The shape has a verifier, which stays.
    error VerifierAlreadySet();
    /// @notice There is no contract at the address.
    error NoVerifierContract(address verifier);
    /// @notice The verifier is one for another number of options.
    error MaxOptionsMismatch(uint256 found, uint256 expected);
    /// @notice A verifier whose trapdoors may be known has no place in production.
    error DevelopmentVerifier();

    /// @notice A shape has its verifier.
    /// @param shape The shape.
    /// @param verifier Verifies the final proofs of its polls.
    /// @param emptyStateRoot The root of a state tree of that depth without voters.
    /// @param emptyTallyRoot The root of a tally tree of that depth without votes.
    event VerifierSet(Shape shape, address verifier, uint256 emptyStateRoot, uint256 emptyTallyRoot);

    struct Entry {
        DeciderVerifier verifier;
        uint256 emptyStateRoot;
        uint256 emptyTallyRoot;
    }

    uint8 internal constant MAX_STATE_TREE_DEPTH = 20;
    uint8 internal constant MAX_VOTE_OPTION_TREE_DEPTH = 10;
    uint8 internal constant MAX_EVENTS_PER_STEP = 16;

    /// @notice Whether verifiers made for development are refused.
    bool public immutable PRODUCTION;

    mapping(uint256 packedShape => Entry) private _entries;

    /// @param owner Who sets verifiers.
    /// @param production Whether verifiers made for development are refused.
    constructor(address owner, bool production) Ownable(owner) {
        PRODUCTION = production;
    }

    /// @notice Sets the verifier of a shape, for good.
    function setVerifier(Shape calldata shape, DeciderVerifier verifier) external onlyOwner {
        StrictCalldata.requireStatic(4);
        _requireInRange(shape);
        Entry storage entry = _entries[_pack(shape)];
        if (address(entry.verifier) != address(0)) revert VerifierAlreadySet();
        _requireFitting(verifier, 5 ** uint256(shape.voteOptionTreeDepth));
        entry.verifier = verifier;
        entry.emptyStateRoot = _emptyRoot(0, shape.stateTreeDepth);
        entry.emptyTallyRoot = _emptyRoot(PoseidonT3.hash([uint256(0), 0]), shape.voteOptionTreeDepth);
        emit VerifierSet(shape, address(verifier), entry.emptyStateRoot, entry.emptyTallyRoot);
    }

    /// @notice The verifier of a shape, zero if none is set, and the roots of its empty trees.
    function verifierOf(Shape calldata shape)
        external
        view
        returns (address verifier, uint256 emptyStateRoot, uint256 emptyTallyRoot)
    {
        Entry storage entry = _entries[_pack(shape)];
        return (address(entry.verifier), entry.emptyStateRoot, entry.emptyTallyRoot);
    }

    function _requireInRange(Shape calldata shape) private pure {
        bool state = shape.stateTreeDepth >= 1 && shape.stateTreeDepth <= MAX_STATE_TREE_DEPTH;
        bool options = shape.voteOptionTreeDepth >= 1 && shape.voteOptionTreeDepth <= MAX_VOTE_OPTION_TREE_DEPTH;
        bool events = shape.eventsPerStep >= 1 && shape.eventsPerStep <= MAX_EVENTS_PER_STEP;
        if (!(state && options && events)) revert ShapeOutOfRange();
    }

    function _requireFitting(DeciderVerifier verifier, uint256 options) private view {
        if (address(verifier).code.length == 0) revert NoVerifierContract(address(verifier));
        uint256 found = verifier.MAX_OPTIONS();
        if (found != options) revert MaxOptionsMismatch(found, options);
        if (PRODUCTION && verifier.DEVELOPMENT()) revert DevelopmentVerifier();
    }

    /// @dev The root of a quinary tree of this depth whose leaves are all `node`.
    function _emptyRoot(uint256 node, uint256 depth) private pure returns (uint256) {
        for (uint256 level = 0; level < depth; ++level) {
            node = PoseidonT6.hash([node, node, node, node, node]);
        }
        return node;
    }

    function _pack(Shape calldata shape) private pure returns (uint256) {
        return (uint256(shape.stateTreeDepth) << 16) | (uint256(shape.voteOptionTreeDepth) << 8)
            | uint256(shape.eventsPerStep);
    }
}
