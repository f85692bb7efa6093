// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {InternalLeanIMT, LeanIMTData} from "@zk-kit/lean-imt.sol/InternalLeanIMT.sol";
import {PoseidonT4} from "poseidon-solidity/PoseidonT4.sol";
import {BundleVerifier} from "./BundleVerifier.sol";
import {DeciderVerifier} from "./DeciderVerifier.sol";
import {JoinVerifier} from "./JoinVerifier.sol";
import {PollSetup} from "./Poll.sol";
import {PollFactory} from "./PollFactory.sol";
import {VkRegistry} from "./VkRegistry.sol";
import {IGatekeeper} from "./interfaces/IGatekeeper.sol";
import {IMACI} from "./interfaces/IMACI.sol";
import {Anchors} from "./libraries/Anchors.sol";
import {BabyJubJub} from "./libraries/BabyJubJub.sol";
import {StrictCalldata} from "./libraries/StrictCalldata.sol";
import {PollSettings, PublicKey} from "./libraries/Types.sol";

/// @title Sign-ups and polls
/// @notice People sign up once, with a key that is good for every poll. Sign-ups never close. Anybody creates polls.
contract MACI is IMACI, ReentrancyGuardTransient {
    using InternalLeanIMT for LeanIMTData;

    uint8 internal constant MAX_JOIN_DEPTH = 32;
    uint8 internal constant FULL = 2;
    uint8 internal constant LAST_MODE = 3;
    /// @dev Results of more options do not fit into one piece of code.
    uint256 internal constant MAX_VOTE_OPTIONS = 944;
    uint64 internal constant MAX_TIME_AHEAD = 365 days;
    uint64 internal constant MIN_PROVING_BASE = 1 hours;
    uint64 internal constant MAX_PROVING_BASE = 365 days;
    uint32 internal constant MAX_PROVING_PER_MESSAGE = 1 hours;
    uint32 internal constant MAX_PROVING_MAX = 90 days;
    /// @dev First element of a leaf's preimage. A leaf P2(x, y) would be a node as well: the key (x, y) with a root of
    /// somebody's own tree for x would let every key of that tree join.
    uint256 internal constant LEAF_TAG = 2;
    /// @dev Commands hold a poll id in 50 bits.
    uint256 internal constant POLL_ID_MASK = (1 << 50) - 1;

    /// @inheritdoc IMACI
    address public immutable GATEKEEPER;
    /// @inheritdoc IMACI
    address public immutable FACTORY;
    /// @inheritdoc IMACI
    address public immutable REGISTRY;
    /// @inheritdoc IMACI
    address public immutable JOIN_VERIFIER;
    /// @inheritdoc IMACI
    address public immutable BUNDLE_VERIFIER;
    /// @inheritdoc IMACI
    uint8 public immutable JOIN_DEPTH;

    /// @inheritdoc IMACI
    uint256 public pollCount;

    LeanIMTData private _tree;
    mapping(uint256 index => uint256) private _roots;
    mapping(uint256 index => address) private _polls;

    /// @param gatekeeper Decides who may sign up; its `setMaci` has to be called with this contract.
    /// @param factory Makes the polls.
    /// @param registry Knows the verifier of each shape.
    /// @param joinVerifier Verifier of the join circuit.
    /// @param bundleVerifier Verifier of bundles of messages.
    /// @param joinDepth Levels of a path in the join circuit, at most 32.
    constructor(
        IGatekeeper gatekeeper,
        PollFactory factory,
        VkRegistry registry,
        JoinVerifier joinVerifier,
        BundleVerifier bundleVerifier,
        uint8 joinDepth
    ) {
        if (joinDepth > MAX_JOIN_DEPTH) revert JoinDepthOutOfRange(joinDepth);
        if (registry.PRODUCTION() && (joinVerifier.DEVELOPMENT() || bundleVerifier.DEVELOPMENT())) {
            revert DevelopmentVerifier();
        }
        GATEKEEPER = address(gatekeeper);
        FACTORY = address(factory);
        REGISTRY = address(registry);
        JOIN_VERIFIER = address(joinVerifier);
        BUNDLE_VERIFIER = address(bundleVerifier);
        JOIN_DEPTH = joinDepth;
    }

    /// @inheritdoc IMACI
    /// @dev Keys of low order are on the curve and taken. (0, 1) is the key of the secret 0, which everybody knows, so
    /// anybody may join with that sign-up. Those of order 2, 4 and 8 are no multiples of B8 and have no secret, so
    /// nobody can. Neither touches another's sign-up.
    function signUp(PublicKey calldata key, bytes calldata gatekeeperData) external nonReentrant {
        StrictCalldata.requireBytes(3, gatekeeperData);
        BabyJubJub.requireOnCurve(key.x, key.y);
        uint256 index = _tree.size;
        if (index >> JOIN_DEPTH != 0) revert SignUpsFull();
        uint256 root = _tree._insert(PoseidonT4.hash([LEAF_TAG, key.x, key.y]));
        _roots[index] = root;
        emit SignUp(index, key.x, key.y, root);
        IGatekeeper(GATEKEEPER).register(msg.sender, gatekeeperData);
    }

    /// @inheritdoc IMACI
    function createPoll(PollSettings calldata settings) external nonReentrant returns (address poll) {
        StrictCalldata.requireStatic(19);
        _requireTimes(settings);
        Anchors.requireSupported(settings.signedWithin);
        if (settings.mode > LAST_MODE) revert UnknownMode(settings.mode);
        _requireTopUps(settings);
        BabyJubJub.requireValidKey(settings.coordinatorKey);
        uint256 index = pollCount++;
        PollSetup memory setup = _setup(settings, _pollId(index));
        poll = address(PollFactory(FACTORY).deploy(setup, settings));
        _polls[index] = poll;
        emit PollCreated(index, poll, setup.pollId, msg.sender);
    }

    /// @inheritdoc IMACI
    function rootAt(uint256 index) external view returns (uint256 root) {
        root = _roots[index];
        // A leaf is not 0, and no known inputs hash to 0.
        if (root == 0) revert UnknownRoot(index);
    }

    /// @inheritdoc IMACI
    function rootCount() external view returns (uint256) {
        return _tree.size;
    }

    /// @inheritdoc IMACI
    function pollAt(uint256 index) external view returns (address poll) {
        poll = _polls[index];
        if (poll == address(0)) revert UnknownPoll(index);
    }

    function _requireTimes(PollSettings calldata settings) private view {
        (uint64 startTime, uint64 base) = (settings.startTime, settings.provingBase);
        if (startTime < block.timestamp) revert StartInThePast(startTime);
        if (settings.endTime <= startTime) revert EndNotAfterStart();
        if (settings.endTime > block.timestamp + MAX_TIME_AHEAD) revert EndTooFar(settings.endTime);
        if (base < MIN_PROVING_BASE || base > MAX_PROVING_BASE) revert ProvingBaseOutOfRange(base);
        (uint32 each, uint32 all) = (settings.provingPerMessage, settings.provingMax);
        if (each == 0 || each > MAX_PROVING_PER_MESSAGE) revert ProvingPerMessageOutOfRange(each);
        if (all < each || all > MAX_PROVING_MAX) revert ProvingMaxOutOfRange(all);
    }

    function _requireTopUps(PollSettings calldata settings) private view {
        _requireCode(address(settings.credits));
        if (address(settings.topUpToken) == address(0)) return;
        if (settings.mode == FULL) revert TopUpsInFullMode();
        _requireCode(address(settings.topUpToken));
        if (settings.creditUnit == 0) revert CreditUnitIsZero();
        if (settings.beneficiary == address(0)) revert NoBeneficiary();
    }

    function _requireCode(address account) private view {
        if (account.code.length == 0) revert NoContract(account);
    }

    /// @dev Differs between deployments, since commands sign nothing else that does.
    function _pollId(uint256 index) private view returns (uint64) {
        return uint64(uint256(keccak256(abi.encode(block.chainid, address(this), index))) & POLL_ID_MASK);
    }

    function _setup(PollSettings calldata settings, uint64 pollId) private view returns (PollSetup memory) {
        (address verifier, uint256 emptyStateRoot, uint256 emptyTallyRoot) = VkRegistry(REGISTRY).verifierOf(settings.shape);
        if (verifier == address(0)) revert UnknownShape();
        uint256 max = 5 ** uint256(settings.shape.voteOptionTreeDepth);
        if (max > MAX_VOTE_OPTIONS) max = MAX_VOTE_OPTIONS;
        uint32 options = settings.voteOptions;
        if (options == 0 || options > max) revert VoteOptionsOutOfRange(options, max);
        return PollSetup({
            owner: msg.sender,
            pollId: pollId,
            joinVerifier: JoinVerifier(JOIN_VERIFIER),
            bundleVerifier: BundleVerifier(BUNDLE_VERIFIER),
            verifier: DeciderVerifier(verifier),
            emptyStateRoot: emptyStateRoot,
            emptyTallyRoot: emptyTallyRoot
        });
    }
}
