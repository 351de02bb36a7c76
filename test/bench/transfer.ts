import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ensurePackages } from '../../build/setup/system.mjs'
import { rawTls } from './raw-tls.ts'
import type { Row } from './row.ts'
import { bundleEnds, type SendOptions, type Sent, sendWithHoldfast } from './transfer-ends.ts'
import { type Line, startLine } from './transfer-line.ts'
import { bareDisk, tarOverSocket } from './transfer-peers.ts'
import { queueMillion } from './transfer-queue.ts'
import { startRsyncDaemon } from './transfer-rsync.ts'
import { type Load, settle, writeLoad } from './write-load.ts'

const SMALL: Load = {
  ...{ name: '20,000 × 4 KiB', files: 20_000, bytes: 4096, runs: 3 },
  aims: { rsync: 1, synced: 0.2 },
}
const MIDDLE: Load = { name: '900 × 600 KiB', files: 900, bytes: 600 * 1024, runs: 3 }
/** What goes before the clock starts: agents and daemons run all day, and have their code compiled. */
const BEFORE: Load = { name: '5,000 × 4 KiB', files: 5_000, bytes: 4096, runs: 1 }
const LARGE: Load = {
  ...{ name: '2 × 1 GiB', files: 2, bytes: 1024 ** 3, runs: 3 },
  aims: { rsync: 1, synced: 1 },
}
const LINE_MS = 20
const MEMORY_MIB = 200
/** A file system in memory, where there is one. */
const MEMORY = '/dev/shm'

/** Where one load's files are, and where its runs have their directories. */
interface Place {
  source: string
  /** Those that go before. */
  before: string
  directory: string
  /** The bundled processes. */
  ends: string
}

/**
 * Sending to durable, against rsync's daemon on the same files with and without --fsync. No small file is removed
 * before all is over: ext4 looks in vain for an inode among those that were freed within the last minute
 * (recently_deleted, fs/ext4/ialloc.c), and whoever comes after a removal pays several times the time for it.
 */
export async function run(): Promise<Row[]> {
  await ensurePackages(['rsync'], 'the benchmark of sending')
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  const ends = path.join(directory, 'ends')
  const before = path.join(directory, 'before')
  const preparePlace = (load: Load): Place => {
    const source = path.join(directory, `source-${load.files}`)
    writeLoad(load, source)
    return { source, before, directory, ends }
  }
  try {
    await bundleEnds(ends)
    writeLoad(BEFORE, before)
    const small = preparePlace(SMALL)
    const rows = [
      ...(await againstRsync(SMALL, small)),
      ...(await overLongLine(small)),
      ...(await fromLongQueue(small)),
      ...(await againstRsync(MIDDLE, preparePlace(MIDDLE))),
    ]
    const large = preparePlace(LARGE)
    return [...rows, ...(await againstRsync(LARGE, large)), ...(await againstLimits(LARGE, large))]
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** One transfer in a directory of its own; `into`: where that is; `isNew`: nothing goes before. */
async function sendOnce(
  { source, before, directory, ends }: Place,
  {
    into = directory,
    isNew = false,
    ...options
  }: Omit<SendOptions, 'source' | 'before' | 'directory' | 'ends'> & { into?: string; isNew?: boolean } = {},
): Promise<Sent> {
  const own = mkdtempSync(path.join(into, 'run-'))
  settle()
  const warm = isNew ? {} : { before }
  const sent = await sendWithHoldfast({ ...options, ...warm, source, ends, directory: own })
  removeLarge(own)
  return sent
}

/** What else the machine does meets one run or the other. */
const best = (runs: readonly Sent[]) => Math.min(...runs.map(({ seconds }) => seconds))

/** A few large files would fill the disk, and cost nobody anything when they go. */
function removeLarge(directory: string): void {
  const files = readdirSync(directory, { recursive: true }).length
  if (files < 1000) rmSync(directory, { recursive: true, force: true })
}

function memoryRows(name: string, runs: readonly Sent[]): Row[] {
  const row = (end: string, values: readonly number[]): Row => ({
    metric: `${name}, memory of the ${end} at its peak`,
    value: Math.max(...values),
    unit: 'MiB',
    reference: null,
    target: { atMost: MEMORY_MIB },
  })
  return [
    row(
      'sender',
      runs.map(({ senderMiB }) => senderMiB),
    ),
    row(
      'receiver',
      runs.map(({ receiverMiB }) => receiverMiB),
    ),
  ]
}

/** The programs take turns, so that what else the machine does meets all of them. */
async function againstRsync(load: Load, place: Place): Promise<Row[]> {
  const { source, directory } = place
  const plain: number[] = []
  const synced: number[] = []
  const tar: number[] = []
  const ours: Sent[] = []
  const begun: Sent[] = []
  for (let count = 0; count < load.runs; count += 1) {
    const into = path.join(directory, `rsync-${load.files}-${count}`)
    mkdirSync(into)
    const rsync = await startRsyncDaemon(into)
    settle()
    plain.push(rsync.send(source, 'plain', []))
    settle()
    synced.push(rsync.send(source, 'synced', ['--fsync']))
    rsync.stop()
    settle()
    tar.push(await tarOverSocket(source, path.join(into, 'tar')))
    removeLarge(into)
    ours.push(await sendOnce(place))
    begun.push(await sendOnce(place, { isNew: true }))
  }
  const time = (name: string, seconds: readonly number[], aim?: number, runs = ours): Row => ({
    metric: `${load.name} durable, against ${name}`,
    value: best(runs),
    unit: 's',
    reference: { name, value: Math.min(...seconds) },
    target: aim === undefined ? null : { atMost: aim },
  })
  return [
    time('rsync', plain, load.aims?.rsync),
    time('rsync --fsync', synced, load.aims?.synced),
    time('tar over a socket, nothing synced', tar),
    {
      ...time('rsync', plain, undefined, begun),
      metric: `${load.name} durable, both ends just started, against rsync`,
    },
    ...memoryRows(load.name, [...ours, ...begun]),
  ]
}

/**
 * Large files against what they cannot be faster than: the disk, and Node's TLS without any disk, that writes what comes
 * and hashes as we do, that writes nothing and hashes by SHA-256, and that writes nothing and hashes as we do.
 */
async function againstLimits(load: Load, place: Place): Promise<Row[]> {
  const { source, directory } = place
  const ours = best([await sendOnce(place), await sendOnce(place)])
  const files = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
  const row = (metric: string, value: number, name: string, reference: number, atMost: number): Row => ({
    metric: `${load.name} ${metric}`,
    value,
    unit: 's',
    reference: { name, value: reference },
    target: { atMost },
  })
  settle()
  const disk = bareDisk(files, path.join(directory, 'bare'))
  const rows = [row('durable, against the disk alone', ours, 'write and fsync', disk, 1.18)]
  if (!existsSync(MEMORY)) return rows
  const inMemory = mkdtempSync(path.join(MEMORY, 'holdfast-bench-'))
  try {
    const writes: number[] = []
    const runs: Sent[] = []
    for (let count = 0; count < load.runs; count += 1) {
      const into = path.join(inMemory, `raw-${count}`)
      touchMemory(files, inMemory)
      writes.push(await rawTls(files, path.join(inMemory, 'identity'), into))
      rmSync(into)
      touchMemory(files, inMemory)
      runs.push(await sendOnce(place, { into: inMemory }))
    }
    const silent = await rawTls(files, path.join(inMemory, 'identity'))
    const against = 'into memory, against what writes nothing'
    return [
      ...rows,
      {
        ...row('into memory', best(runs), 'raw TLS + BLAKE3 + write', Math.min(...writes), 1.18),
        target: null,
      },
      { ...row(against, best(runs), 'raw TLS + BLAKE3', silent, 1.18), target: null },
    ]
  } finally {
    rmSync(inMemory, { recursive: true, force: true })
  }
}

/**
 * Memory that was never used comes from a virtual machine's host, which takes longer than what is measured: each run
 * finds pages that were written just before.
 */
function touchMemory(files: readonly string[], directory: string): void {
  const copy = path.join(directory, 'touched')
  mkdirSync(copy)
  for (const file of files) copyFileSync(file, path.join(copy, path.basename(file)))
  rmSync(copy, { recursive: true })
}

/** Small files must not wait for the line: what is on its way is bounded by credit, not by answers. */
async function overLongLine(place: Place): Promise<Row[]> {
  let line: Line | null = null
  try {
    const through = async (port: number) => {
      closeLine(line)
      line = await startLine(port, LINE_MS)
      return line.port
    }
    const runs = [await sendOnce(place, { through }), await sendOnce(place, { through })]
    const seconds = best(runs)
    return [
      {
        metric: `${SMALL.name} over a line of ${LINE_MS} ms each way`,
        value: SMALL.files / seconds,
        unit: 'files/s',
        reference: null,
        target: { atLeast: 10_000 },
      },
    ]
  } finally {
    closeLine(line)
  }
}

const closeLine = (line: Line | null) => line?.close()

async function fromLongQueue(place: Place): Promise<Row[]> {
  const sent = await sendOnce(place, {
    prepare: (ledger, destination) => queueMillion(ledger, place.source, destination),
  })
  return memoryRows('1,000,000 files queued', [sent])
}
