// A second verifier of ceremonies, which shares nothing with the first one but docs/ceremony.md: another language, another
// curve library (noble), its own parsing. It takes the constraints as `ceremony export` writes them, so that it shares the
// circuits, and compares their hash with the ceremony's.
//
//     node verify.mjs LAST POWERS NAME=R1CS...
//
// Prints a JSON document and ends with 0, or says on one line what is wrong and ends with 1. Circuits whose constraints are
// not given are named under "unchecked": their records are checked, their lists are not.
import { createHash, randomBytes } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";

import { pippenger } from "@noble/curves/abstract/curve.js";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { bn254 } from "@noble/curves/bn254.js";

const { Fp, Fp2, Fr, Fp12 } = bn254.fields;
const G1 = bn254.G1.Point;
const G2 = bn254.G2.Point;
const R_INVERSE = Fp.inv(Fp.create(1n << 256n));

function require(holds, complaint) {
  if (!holds) throw new Error(complaint);
}

// Bytes.

const le = (bytes) => BigInt("0x" + (Buffer.from(bytes).reverse().toString("hex") || "0"));

function number(value, length) {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 255n);
  return bytes;
}

const sha = (name, ...parts) => {
  const hash = createHash(name);
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const sha256 = (...parts) => sha("sha256", ...parts);
const scalarOf = (...parts) => Fr.create(le(sha("sha512", ...parts)));
const ascii = (text) => Buffer.from(text, "ascii");

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }
  take(count) {
    require(this.at + count <= this.bytes.length, "a part ends too early");
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }
  int(length) {
    return Number(le(this.take(length)));
  }
  prefixed(length) {
    return this.take(this.int(length));
  }
  g1() {
    return g1Of(this.take(64));
  }
  g2() {
    return g2Of(this.take(128));
  }
  scalar() {
    const value = le(this.take(32));
    require(value < Fr.ORDER, "a number is not below r");
    return value;
  }
}

// Points as docs/ceremony.md has them.

function coordinate(bytes, mask) {
  const own = Buffer.from(bytes);
  own[31] &= mask;
  const value = le(own);
  require(value < Fp.ORDER, "a coordinate is not below the prime");
  return value;
}

const isLarger1 = (y) => y > Fp.neg(y);
function isLarger2(y) {
  const negative = Fp2.neg(y);
  return y.c1 === negative.c1 ? y.c0 > negative.c0 : y.c1 > negative.c1;
}

function finish(length, coordinates, flag) {
  const bytes = Buffer.concat(coordinates.map((value) => number(value, 32)));
  bytes[length - 1] |= flag;
  return bytes;
}

function g1Bytes(point) {
  if (point.is0()) return finish(64, [0n, 0n], 0x40);
  const { x, y } = point.toAffine();
  return finish(64, [x, y], isLarger1(y) ? 0x80 : 0);
}

function g2Bytes(point) {
  if (point.is0()) return finish(128, [0n, 0n, 0n, 0n], 0x40);
  const { x, y } = point.toAffine();
  return finish(128, [x.c0, x.c1, y.c0, y.c1], isLarger2(y) ? 0x80 : 0);
}

function pointOf(Group, bytes, make, write) {
  const infinite = (bytes[bytes.length - 1] & 0x40) !== 0;
  const point = infinite ? Group.ZERO : make();
  if (!infinite) point.assertValidity();
  require(write(point).equals(Buffer.from(bytes)), "a point is not written as it should be");
  return point;
}

function g1Of(bytes) {
  const make = () => {
    const x = coordinate(bytes.subarray(0, 32), 0xff);
    const y = coordinate(bytes.subarray(32, 64), 0x3f);
    return G1.fromAffine({ x, y });
  };
  return pointOf(G1, bytes, make, g1Bytes);
}

function g2Of(bytes) {
  const make = () => {
    const parts = [0, 1, 2].map((i) => coordinate(bytes.subarray(32 * i, 32 * i + 32), 0xff));
    const last = coordinate(bytes.subarray(96, 128), 0x3f);
    return G2.fromAffine({ x: { c0: parts[0], c1: parts[1] }, y: { c0: parts[2], c1: last } });
  };
  return pointOf(G2, bytes, make, g2Bytes);
}

// Sums and pairings.

function sum(points, scalars) {
  const kept = [];
  const factors = [];
  points.forEach((point, i) => {
    if (!point.is0() && scalars[i] !== 0n) {
      kept.push(point);
      factors.push(scalars[i]);
    }
  });
  return kept.length === 0 ? G1.ZERO : pippenger(G1, kept, factors);
}

/** e(p, s) = e(q, t). */
function samePairing(p, s, q, t) {
  const pairs = [
    { g1: p, g2: s },
    { g1: q.negate(), g2: t },
  ].filter(({ g1 }) => !g1.is0());
  if (pairs.length === 0) return true;
  return Fp12.eql(bn254.pairingBatch(pairs), Fp12.ONE);
}

const times = (point, scalar) => (point.is0() || scalar === 0n ? point.constructor.ZERO : point.multiplyUnsafe(scalar));
const weights = (count) => Array.from({ length: count }, () => le(randomBytes(16)));

// Powers of tau.

class Powers {
  constructor(path) {
    this.file = openSync(path, "r");
    const size = fstatSync(this.file).size;
    require(this.read(0, 4).equals(ascii("ptau")), "not powers of tau");
    const count = Number(le(this.read(8, 4)));
    this.sections = new Map();
    let at = 12;
    for (let i = 0; i < count; i++) {
      const id = Number(le(this.read(at, 4)));
      const length = Number(le(this.read(at + 4, 8)));
      require(at + 12 + length <= size, "a section of the powers of tau is cut");
      require(!this.sections.has(id), "a section of the powers of tau occurs twice");
      this.sections.set(id, { at: at + 12, length });
      at += 12 + length;
    }
    require(le(this.read(this.sections.get(1).at + 4, 32)) === Fp.ORDER, "powers of tau of another curve");
  }
  read(at, length) {
    const bytes = Buffer.alloc(length);
    require(readSync(this.file, bytes, 0, length, at) === length, "a file is cut");
    return bytes;
  }
  points(id, start, count, size, make) {
    const section = this.sections.get(id);
    require(section && (start + count) * size <= section.length, `the powers of tau lack section ${id}`);
    const bytes = this.read(section.at + start * size, count * size);
    const points = [];
    for (let i = 0; i < count; i++) {
      const c = [];
      for (let j = 0; j < size; j += 32) c.push(Fp.mul(le(bytes.subarray(i * size + j, i * size + j + 32)), R_INVERSE));
      const point = make(c);
      point.assertValidity();
      points.push(point);
    }
    return points;
  }
  g1(id, start, count) {
    return this.points(id, start, count, 64, ([x, y]) => G1.fromAffine({ x, y }));
  }
  g2(id, start, count) {
    return this.points(id, start, count, 128, ([a, b, c, d]) =>
      G2.fromAffine({ x: { c0: a, c1: b }, y: { c0: c, c1: d } }),
    );
  }
}

/** Coefficients of the polynomial that takes these values on the roots of unity. */
function interpolate(values) {
  const n = values.length;
  const log = Math.log2(n);
  const root = Fr.pow(Fr.pow(5n, (Fr.ORDER - 1n) >> 28n), 1n << BigInt(28 - log));
  const transform = (list, root) => {
    if (list.length === 1) return list;
    const square = Fr.sqr(root);
    const even = transform(list.filter((_, i) => i % 2 === 0), square);
    const odd = transform(list.filter((_, i) => i % 2 === 1), square);
    const result = new Array(list.length);
    let power = 1n;
    for (let i = 0; i < even.length; i++) {
      const product = Fr.mul(power, odd[i]);
      result[i] = Fr.add(even[i], product);
      result[i + even.length] = Fr.sub(even[i], product);
      power = Fr.mul(power, root);
    }
    return result;
  };
  const scale = Fr.inv(BigInt(n));
  return transform(values, Fr.inv(root)).map((value) => Fr.mul(value, scale));
}

function phase1(file, n) {
  const tau = file.g1(2, 0, 2 * n - 1);
  const alpha = file.g1(4, 0, n);
  const [beta1] = file.g1(5, 0, 1);
  const [beta2] = file.g2(6, 0, 1);
  const [first, tau2] = file.g2(3, 0, 2);
  const lagrange = file.g1(12, n - 1, n);
  const alphaLagrange = file.g1(14, n - 1, n);
  const betaLagrange = file.g1(15, n - 1, n);
  require(tau[0].equals(G1.BASE) && first.equals(G2.BASE), "the powers of tau do not begin with 1");
  for (const point of [alpha[0], beta1]) {
    const isKnown = [G1.BASE, tau[1]].some((known) => point.equals(known) || point.negate().equals(known));
    require(!point.is0() && !isKnown, "alpha or beta is found by trying");
  }
  const geometric = (list) => {
    const w = weights(list.length - 1);
    return samePairing(sum(list.slice(1), w), G2.BASE, sum(list.slice(0, -1), w), tau2);
  };
  require(geometric(tau) && !tau[1].equals(G1.BASE), "the powers of tau are not powers");
  require(geometric(alpha), "the powers times alpha are not powers");
  require(samePairing(beta1, G2.BASE, G1.BASE, beta2), "beta is not the same in both groups");
  const w = weights(n);
  const c = interpolate(w);
  const sumOfLagrange = sum(lagrange, w);
  require(sumOfLagrange.equals(sum(tau.slice(0, n), c)), "the Lagrange bases");
  require(sum(alphaLagrange, w).equals(sum(alpha, c)), "the Lagrange bases times alpha");
  require(samePairing(sum(betaLagrange, w), G2.BASE, sumOfLagrange, beta2), "the Lagrange bases times beta");
  // Millions of points: one after the other.
  const hash = createHash("sha256").update("maci-nova ceremony, powers of tau, version 1").update(number(BigInt(n), 8));
  for (const list of [tau, alpha, [beta1]]) for (const point of list) hash.update(g1Bytes(point));
  hash.update(g2Bytes(beta2)).update(g2Bytes(tau2));
  return { tau, tau2, beta2, lagrange, alphaLagrange, betaLagrange, digest: hash.digest("hex") };
}

// Constraints, as `ceremony export` writes them.

function constraints(path) {
  const bytes = readFileSync(path);
  const reader = new Reader(bytes);
  const domain = ascii("maci-nova R1CS over BN254, version 1");
  require(reader.take(domain.length).equals(domain), "not a file of constraints");
  const [instance, witness, rows] = [reader.int(8), reader.int(8), reader.int(8)];
  const matrices = [0, 1, 2].map(() =>
    Array.from({ length: rows }, () =>
      Array.from({ length: reader.int(8) }, () => [reader.int(8), reader.scalar()]),
    ),
  );
  require(reader.at === bytes.length, "bytes follow the constraints");
  return { instance, witness, rows, matrices, digest: sha256(bytes).toString("hex") };
}

const domainOf = ({ rows, instance }) => 2 ** Math.ceil(Math.log2(rows + instance));

/** sum_i w_i y_i over the variables from `first` on. */
function weightedY(r1cs, bases, first, w) {
  const z = new Array(r1cs.instance + r1cs.witness).fill(0n);
  w.forEach((weight, i) => (z[first + i] = weight));
  const rows = (matrix) =>
    matrix.map((row) => row.reduce((total, [column, value]) => Fr.add(total, Fr.mul(value, z[column])), 0n));
  const [a, b, c] = r1cs.matrices.map(rows);
  a.push(...z.slice(0, r1cs.instance));
  const of = (points, scalars) => sum(points.slice(0, scalars.length), scalars);
  return of(bases.betaLagrange, a).add(of(bases.alphaLagrange, b)).add(of(bases.lagrange, c));
}

// Records.

function record(bytes, circuits) {
  const reader = new Reader(bytes);
  const author = reader.prefixed(2).toString("utf8");
  const kind = reader.int(1);
  require(kind <= 1, "a record of no known kind");
  const beacon = kind === 1 ? { value: reader.prefixed(2), iterations: reader.int(1) } : null;
  const changes = circuits.map(() => ({ delta1: reader.g1(), delta2: reader.g2(), gamma: reader.g2(), lists: reader.take(32) }));
  const statement = bytes.subarray(0, reader.at);
  const flag = () => {
    const value = reader.int(1);
    require(value <= 1, "a flag that is none");
    return value === 1;
  };
  for (const change of changes) {
    change.proofs = null;
    if (!flag()) continue;
    const delta = { commitment: reader.g1(), response: reader.scalar() };
    const rho = flag() ? { commitment: reader.g2(), response: reader.scalar() } : null;
    change.proofs = { delta, rho };
  }
  require(reader.at === bytes.length, "bytes follow a record");
  return { author, beacon, changes, statement, bytes };
}

function knows(context, circuit, label, base, image, proof, write) {
  const points = [base, image, proof.commitment].map(write);
  const c = scalarOf(
    ascii("maci-nova ceremony, proof of knowledge, version 1"),
    ascii(label),
    Buffer.from([0]),
    context,
    number(BigInt(circuit), 8),
    ...points,
  );
  return times(base, proof.response).equals(times(image, c).add(proof.commitment));
}

function factors({ value, iterations }, circuits) {
  require(value.length >= 1 && value.length <= 256 && iterations <= 30, "a beacon out of range");
  const domain = ascii("maci-nova ceremony, beacon, version 1");
  let seed = sha256(domain, value);
  for (let i = 0; i < 2 ** iterations; i++) seed = sha256(seed);
  const of = (circuit, label) => scalarOf(domain, seed, number(BigInt(circuit), 8), ascii(label));
  return circuits.map((_, i) => ({ delta: of(i, "delta"), rho: of(i, "rho") }));
}

function isNew(before, after, commits) {
  for (const point of [after.delta1, after.delta2, after.gamma]) require(!point.is0(), "a point at infinity");
  require(samePairing(after.delta1, G2.BASE, G1.BASE, after.delta2), "delta differs between the groups");
  const isGenerator = (point) => point.equals(G2.BASE) || point.negate().equals(G2.BASE);
  require(!after.delta1.equals(before.delta1) && !isGenerator(after.delta2), "delta is not changed");
  if (!commits) return require(after.gamma.equals(before.gamma), "a committed part that is not there");
  require(!after.gamma.equals(before.gamma) && !isGenerator(after.gamma), "rho is not changed");
  require(!after.gamma.equals(after.delta2) && !after.gamma.equals(after.delta2.negate()), "delta and rho are the same");
  require(!samePairing(after.delta1, before.gamma, before.delta1, after.gamma), "delta and rho are changed alike");
}

function follow(description, descriptionBytes, records) {
  const { circuits } = description;
  let transcript = sha256(ascii("maci-nova ceremony, description, version 1"), descriptionBytes);
  let points = circuits.map(() => ({ delta1: G1.BASE, delta2: G2.BASE, gamma: G2.BASE }));
  const transcripts = [];
  records.forEach((each, i) => {
    if (each.beacon) require(i > 0 && i + 1 === records.length, "a beacon that does not end the ceremony");
    const context = sha256(ascii("maci-nova ceremony, statement, version 1"), transcript, each.statement);
    const known = each.beacon && factors(each.beacon, circuits);
    each.changes.forEach((after, i) => isNew(points[i], after, circuits[i].committed > 0));
    each.changes.forEach((after, i) => {
      const before = points[i];
      const commits = circuits[i].committed > 0;
      if (known) {
        const gamma = commits ? times(before.gamma, known[i].rho) : before.gamma;
        const honest =
          after.proofs === null &&
          after.delta1.equals(times(before.delta1, known[i].delta)) &&
          after.delta2.equals(times(before.delta2, known[i].delta)) &&
          after.gamma.equals(gamma);
        return require(honest, "a beacon's record is not what it makes");
      }
      require(after.proofs !== null && (after.proofs.rho !== null) === commits, "proofs are missing");
      const { delta, rho } = after.proofs;
      require(knows(context, i, "delta", before.delta1, after.delta1, delta, g1Bytes), "the proof of delta is false");
      require(!commits || knows(context, i, "rho", before.gamma, after.gamma, rho, g2Bytes), "the proof of rho is false");
    });
    transcript = sha256(ascii("maci-nova ceremony, record, version 1"), transcript, each.bytes);
    transcripts.push(transcript.toString("hex"));
    points = each.changes;
  });
  return { transcripts, points };
}

// Rounds of drand, network quicknet: signatures in G1 of BLS12-381, of the hash of the round's number.

const QUICKNET =
  "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a";

function announced(text, { value, iterations }) {
  const [, round] = /^drand quicknet, round ([1-9][0-9]*)$/.exec(text) ?? [];
  if (round === undefined || BigInt(round) >= 1n << 32n) {
    const letters = text.replace(/[^\p{Alphabetic}\p{N}]/gu, "").toLowerCase();
    return require(!letters.startsWith("drand"), "a round of drand that is not announced as one");
  }
  const bls = bls12_381.shortSignatures;
  const message = sha256(number(BigInt(round), 8).reverse());
  const isSigned = () => {
    try {
      const point = bls.hash(message, "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_");
      return bls.verify(Uint8Array.from(value), point, Uint8Array.from(Buffer.from(QUICKNET, "hex")));
    } catch {
      return false;
    }
  };
  require(iterations === 0 && value.length === 48 && isSigned(), `the beacon is not the signature of ${text}`);
}

// Lists.

function lists(r1cs, bases, circuit, found, points) {
  const isMultiple = (list, w, q, expected) => samePairing(sum(list, w), q, expected, G2.BASE);
  require(found.h.every((point) => !point.is0()), "a point of H is infinity");
  let w = weights(circuit.l);
  require(isMultiple(found.l, w, points.delta2, weightedY(r1cs, bases, r1cs.instance, w)), "L is not the circuit's");
  w = weights(circuit.h);
  const n = domainOf(r1cs);
  const expected = sum(bases.tau.slice(n, n + circuit.h), w).subtract(sum(bases.tau.slice(0, circuit.h), w));
  require(isMultiple(found.h, w, points.delta2, expected), "H is not the domain's");
  w = weights(circuit.committed);
  const y = weightedY(r1cs, bases, circuit.publics + 1, w);
  require(isMultiple(found.committed, w, points.gamma, y), "the bases of D are not the circuit's");
}

function check(circuit, bytes, r1cs, powers, points) {
  const { name } = circuit;
  require(r1cs.digest === circuit.circuit, `${name}: constraints of another circuit`);
  const n = domainOf(r1cs);
  const fits =
    circuit.l === r1cs.witness && circuit.h === n - 1 && circuit.committed === r1cs.instance - circuit.publics - 1;
  require(fits, `${name}: lists of other lengths`);
  const bases = phase1(powers, n);
  require(bases.digest === circuit.powersOfTau, `${name}: other powers of tau`);
  require(sha256(bytes).equals(points.lists), `${name}: lists that the last record did not hash`);
  const reader = new Reader(bytes);
  const list = (count) => Array.from({ length: count }, () => reader.g1());
  const found = { l: list(circuit.l), h: list(circuit.h), committed: list(circuit.committed) };
  lists(r1cs, bases, circuit, found, points);
  const inKey = [G2.BASE, bases.beta2, bases.tau2, points.delta2, ...(circuit.committed > 0 ? [points.gamma] : [])];
  const sameX = (p, q) => Fp2.eql(p.toAffine().x, q.toAffine().x);
  const repeats = inKey.some((point, i) => inKey.slice(0, i).some((other) => sameX(point, other)));
  require(!repeats, `${name}: two points of its verifying key are the same`);
}

function verify(path, ptau, given) {
  const bytes = readFileSync(path);
  const content = bytes.subarray(0, bytes.length - 32);
  require(bytes.length > 68 && sha256(content).equals(bytes.subarray(bytes.length - 32)), "the file is damaged");
  const reader = new Reader(content);
  require(reader.take(32).equals(ascii("maci-nova ceremony, version 1  \n")), "not a file of a ceremony");
  const descriptionBytes = reader.prefixed(4);
  const description = JSON.parse(descriptionBytes.toString("utf8"));
  require(description.version === 1, "another version");
  const { circuits } = description;
  const parts = circuits.map(({ l, h, committed }) => reader.take(64 * (l + h + committed)));
  const records = Array.from({ length: reader.int(4) }, () => record(reader.prefixed(4), circuits));
  require(reader.at === content.length, "bytes follow the records");
  const { transcripts, points } = follow(description, descriptionBytes, records);
  require(records.length > 1 && records.at(-1).beacon, "no beacon has ended it");
  announced(description.beacon, records.at(-1).beacon);
  const names = circuits.map(({ name }) => name);
  for (const name of given.keys()) require(names.includes(name), `the ceremony has no circuit ${name}`);
  require(given.size > 0, "name constraints: NAME=FILE");
  const powers = new Powers(ptau);
  const checked = circuits.filter(({ name }) => given.has(name));
  circuits.forEach((circuit, i) => {
    const r1cs = given.get(circuit.name);
    if (r1cs) check(circuit, parts[i], constraints(r1cs), powers, points[i]);
  });
  closeSync(powers.file);
  return {
    transcript: `0x${transcripts.at(-1)}`,
    contributions: records.slice(0, -1).map(({ author }, i) => ({ name: author, transcript: `0x${transcripts[i]}` })),
    beacon: `0x${records.at(-1).beacon.value.toString("hex")}`,
    checked: checked.map(({ name }) => name),
    unchecked: circuits.filter(({ name }) => !given.has(name)).map(({ name }) => name),
  };
}

const [path, ptau, ...named] = process.argv.slice(2);
try {
  require(path && ptau, "usage: node verify.mjs LAST POWERS NAME=R1CS...");
  const given = new Map(named.map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)]));
  console.log(JSON.stringify(verify(path, ptau, given)));
} catch (error) {
  console.error(`refused: ${error.message}`);
  process.exitCode = 1;
}
