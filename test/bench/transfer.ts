import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ensurePackages } from '../../build/setup/system.mjs'
import { rawTls } from './raw-tls.ts'
import { median, type Row } from './row.ts'
import { bundleEnds, type SendOptions, type Sent, sendWithHoldfast } from './transfer-ends.ts'
import { type Line, startLine } from './transfer-line.ts'
import { bareDisk, tarOverSocket } from './transfer-peers.ts'
import { queueMillion } from './transfer-queue.ts'
import { startRsyncDaemon } from './transfer-rsync.ts'
import { freeSpace, type Load, settle, writeLoad } from './write-load.ts'

const SMALL: Load = {
  ...{ name: '20,000 × 4 KiB', files: 20_000, bytes: 4096, runs: 5 },
  aims: { rsync: 1, synced: 0.2 },
}
const MIDDLE: Load = {
  ...{ name: '900 × 600 KiB', files: 900, bytes: 600 * 1024, runs: 5 },
  aims: { rsync: 1.5, synced: 0.6 },
}
/** What goes before the clock starts: agents and daemons run all day, and have their code compiled. */
const BEFORE: readonly Load[] = [
  { name: '5,000 × 4 KiB', files: 5_000, bytes: 4096, runs: 1 },
  { name: '300 × 600 KiB', files: 300, bytes: 600 * 1024, runs: 1 },
]
const LARGE: Load = {
  ...{ name: '2 × 1 GiB', files: 2, bytes: 1024 ** 3, runs: 5 },
  aims: { rsync: 1, synced: 0.9 },
}
/** Size of the files from which the disk and TLS alone are measured, too. */
const LEAST_ALONE_BYTES = 64 * 1024
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
 * Sends until everything is durable, against rsync's daemon on the same files with and without --fsync, and against the
 * disk and TLS alone. The programs take turns; the medians are compared.
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
    for (const load of BEFORE) writeLoad(load, path.join(before, load.name))
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

/** A program that Holdfast is compared with. `run` returns the seconds that it took. */
interface Peer {
  name: string
  aim?: number | undefined
  run(into: string): Promise<number>
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
  freeSpace(own)
  return sent
}

const getSeconds = (runs: readonly Sent[]) => runs.map(({ seconds }) => seconds)
const getRange = (values: readonly number[]): [number, number] => [Math.min(...values), Math.max(...values)]

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

async function againstRsync(load: Load, place: Place): Promise<Row[]> {
  const { source, directory } = place
  const files = listFiles(source)
  const ours: Sent[] = []
  const begun: Sent[] = []
  const rsync = async (into: string, flags: string[]) => {
    const daemon = await startRsyncDaemon(into)
    const seconds = daemon.send(source, 'copy', flags)
    daemon.stop()
    return seconds
  }
  const peers: Peer[] = [
    { name: 'rsync', aim: load.aims?.rsync, run: (into) => rsync(into, []) },
    { name: 'rsync --fsync', aim: load.aims?.synced, run: (into) => rsync(into, ['--fsync']) },
    {
      name: 'tar over a socket, nothing synced',
      run: (into) => tarOverSocket(source, path.join(into, 'tar')),
    },
  ]
  // These handle one file after the other, which is no reference for thousands of small files.
  if (load.bytes >= LEAST_ALONE_BYTES)
    peers.push(
      {
        name: 'the disk alone, each file synced',
        run: async (into) => bareDisk(files, path.join(into, 'disk')),
      },
      {
        name: 'TLS and BLAKE3 in Node, one file, synced',
        run: (into) => rawTls(files, path.join(directory, 'identity'), path.join(into, 'raw')),
      },
    )
  const times = new Map(peers.map(({ name }): [string, number[]] => [name, []]))
  const turns = [
    ...peers.map(({ name, run }) => async () => {
      const into = mkdtempSync(path.join(directory, 'peer-'))
      settle()
      times.get(name)?.push(await run(into))
      freeSpace(into)
    }),
    async () => void ours.push(await sendOnce(place)),
    async () => void begun.push(await sendOnce(place, { isNew: true })),
  ]
  for (let count = 0; count < load.runs; count += 1)
    for (const index of turns.keys()) await turns[(index + count) % turns.length]?.()
  const compare = (name: string, seconds: readonly number[], aim?: number, runs = ours): Row => ({
    metric: `${load.name} durable, against ${name}`,
    value: median(getSeconds(runs)),
    range: getRange(getSeconds(runs)),
    unit: 's',
    reference: { name, value: median(seconds), range: getRange(seconds) },
    target: aim === undefined ? null : { atMost: aim },
  })
  return [
    ...peers.map(({ name, aim }) => compare(name, times.get(name) ?? [], aim)),
    {
      ...compare('both ends at work before', getSeconds(ours), 1.1, begun),
      metric: `${load.name} durable, both ends just started`,
    },
    ...memoryRows(load.name, [...ours, ...begun]),
  ]
}

const listFiles = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))

/**
 * Large files against what they cannot be faster than: the disk, and Node's TLS without any disk, that writes what comes
 * and hashes as we do, that writes nothing and hashes by SHA-256, and that writes nothing and hashes as we do.
 */
async function againstLimits(load: Load, place: Place): Promise<Row[]> {
  const files = listFiles(place.source)
  const row = (metric: string, value: number, name: string, reference: number, atMost: number): Row => ({
    metric: `${load.name} ${metric}`,
    value,
    unit: 's',
    reference: { name, value: reference },
    target: { atMost },
  })
  if (!existsSync(MEMORY)) return []
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
    const best = Math.min(...getSeconds(runs))
    return [
      {
        ...row('into memory', best, 'raw TLS + BLAKE3 + write', Math.min(...writes), 1.18),
        target: null,
      },
      { ...row(against, best, 'raw TLS + BLAKE3', silent, 1.18), target: null },
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
    const seconds = Math.min(...getSeconds(runs))
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
