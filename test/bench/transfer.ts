import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ensurePackages } from '../../build/setup/system.mjs'
import type { Ledger } from '../../core/ledger/ledger.ts'
import { startSftpServer } from '../support/servers/sftp.ts'
import {
  freeSpace,
  type Load,
  offerAll,
  type SendOptions,
  type Sent,
  sendWithHoldfast,
  settle,
  writeLoad,
} from './ends.ts'
import { copyByRsync, listSshPeers, type Peer, sendWithSyncthing } from './peers.ts'
import { type Row, spread } from './row.ts'

/** Aims are parts of the time that rsync's daemon takes, with --fsync and without. */
const LOADS: readonly (Load & { aims: Record<string, number> })[] = [
  {
    ...{ name: '5,000 × 4 KiB', files: 5_000, bytes: 4096, runs: 5 },
    aims: { 'rsync --fsync': 0.2, rsync: 1 },
  },
  {
    ...{ name: '900 × 600 KiB', files: 900, bytes: 600 * 1024, runs: 5 },
    aims: { 'rsync --fsync': 0.6, rsync: 1.5 },
  },
  {
    ...{ name: '2 × 1 GiB', files: 2, bytes: 1024 ** 3, runs: 5 },
    aims: { 'rsync --fsync': 0.9, rsync: 1 },
  },
]
/** Files that are sent before the clock starts: agents run all day, and have their code compiled. */
const BEFORE = [
  { name: 'small', files: 2_000, bytes: 4096 },
  { name: 'middle', files: 300, bytes: 600 * 1024 },
]
/** Part of the time of another kind of run, which may take a tenth longer. */
const LEAST_OF_VARIANT = 0.9
const MEMORY_MIB = 200
const QUEUED = 1_000_000
const QUEUED_AT_ONCE = 10_000

/**
 * Sends until everything is durable, against programs that people use for it. They take turns on the same files, and
 * the medians are compared.
 */
export async function* run(): AsyncGenerator<Row> {
  await ensurePackages(['rsync', 'rclone', 'syncthing', 'openssh-server'], 'the benchmark of sending')
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  const before = path.join(directory, 'before')
  const ssh = await startSftpServer(null)
  const peers: Peer[] = [
    { name: 'rsync --fsync', copy: copyByRsync(['--fsync']) },
    { name: 'rsync', copy: copyByRsync([]) },
    ...listSshPeers(ssh),
    { name: 'Syncthing', copy: sendWithSyncthing },
  ]
  try {
    for (const load of BEFORE) writeLoad(load, path.join(before, load.name))
    const sent: Sent[] = []
    const queued: Sent[] = []
    for (const load of LOADS) {
      const source = path.join(directory, load.name)
      writeLoad(load, source)
      yield* await compare(load, source, before, directory, peers, sent)
      if (load === LOADS[0]) queued.push(await sendFromLongQueue(source, before, directory))
      freeSpace(source)
    }
    yield* memoryRows('most memory', sent)
    yield* memoryRows('1,000,000 files queued, memory', queued)
  } finally {
    await ssh.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Adds each transfer of Holdfast to `sent`. */
async function compare(
  { name, runs, aims }: (typeof LOADS)[number],
  source: string,
  before: string,
  directory: string,
  peers: readonly Peer[],
  sent: Sent[],
): Promise<Row[]> {
  const holdfast = (options: Partial<SendOptions>) => async (from: string, into: string) => {
    const one = await sendWithHoldfast({ source: from, directory: into, ...options })
    sent.push(one)
    return one.seconds
  }
  const programs = [
    { name: 'Holdfast', copy: holdfast({ before }) },
    { name: 'Holdfast, just started', copy: holdfast({}) },
    { name: 'Holdfast, with SHA-256', copy: holdfast({ before, digests: ['sha256'] }) },
    ...peers,
  ].map((program) => ({ ...program, seconds: [] as number[] }))
  for (let run = 0; run < runs; run += 1)
    for (const index of programs.keys()) {
      const program = programs[(index + run) % programs.length]
      const into = mkdtempSync(path.join(directory, 'into-'))
      if (program === undefined) continue
      settle()
      const seconds = await program.copy(source, into)
      program.seconds.push(seconds)
      console.error(`${name}, ${run + 1} of ${runs}: ${program.name} ${seconds.toFixed(2)} s`)
      freeSpace(into)
    }
  const [ours, ...others] = programs.map(({ name, seconds }) => ({ name, ...spread(seconds) }))
  if (ours === undefined) return []
  const { value, range } = ours
  const target = (other: string): Row['target'] => {
    if (other.startsWith('Holdfast')) return { atLeast: LEAST_OF_VARIANT }
    const aim = aims[other]
    return aim === undefined ? null : { atMost: aim }
  }
  return others.map((reference) => ({
    ...{ metric: `${name} durable`, value, range, unit: 's', reference },
    target: target(reference.name),
  }))
}

function memoryRows(name: string, runs: readonly Sent[]): Row[] {
  const row = (end: string, values: readonly number[]): Row => ({
    ...{ metric: `${name} of the ${end}`, value: Math.max(...values), unit: 'MiB' },
    ...{ reference: null, target: { atMost: MEMORY_MIB } },
  })
  const senders = runs.map(({ senderMiB }) => senderMiB)
  const receivers = runs.map(({ receiverMiB }) => receiverMiB)
  return [row('sender', senders), row('receiver', receivers)]
}

/** Sends the oldest of a million files in the ledger: those in the directory. */
async function sendFromLongQueue(source: string, before: string, base: string): Promise<Sent> {
  const directory = path.join(base, 'queue')
  mkdirSync(directory)
  const prepare = (ledger: Ledger, destination: string) => {
    const files = offerAll(ledger, 's', source, destination)
    const later = BigInt(Date.now() + 86_400_000) * 1_000_000n
    for (let start = files; start < QUEUED; start += QUEUED_AT_ONCE) {
      const candidates = Array.from({ length: Math.min(QUEUED_AT_ONCE, QUEUED - start) }, (_, index) => {
        const time = later + BigInt(start + index)
        return {
          ...{ source: 's', path: `later/d${Math.floor((start + index) / 1000)}/file${start + index}` },
          ...{
            size: 4096,
            mtimeNs: time,
            ctimeNs: time,
            inode: BigInt(10_000_000 + start + index),
            device: 1n,
          },
        }
      })
      ledger.offer(destination, candidates)
    }
    return files
  }
  return await sendWithHoldfast({ source, before, directory, prepare })
}
