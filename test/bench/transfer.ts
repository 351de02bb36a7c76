import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { nodeWorkerStarter } from '../../core/agent/node-starter.ts'
import { SupervisedWorker } from '../../core/agent/supervisor.ts'
import { receiverDefinition } from '../../core/receive/messages.ts'
import { openLedger } from '../../core/send/ledger.ts'
import { senderDefinition } from '../../core/send/messages.ts'
import { SMALL_FILE_BYTES } from '../../core/wire/frames.ts'
import type { ReportOf } from '../../core/worker/definition.ts'
import { until } from '../support/until.ts'
import { peakMiB } from './process-tree.ts'
import { rawTls } from './raw-tls.ts'
import type { Row } from './row.ts'
import { bareDisk, tarOverSocket } from './transfer-peers.ts'

/** One load: how many files of how many bytes. */
interface Load {
  name: string
  files: number
  bytes: number
}

const LOADS: Load[] = [
  { name: '20,000 × 4 KiB', files: 20_000, bytes: 4096 },
  { name: '2 × 1 GiB', files: 2, bytes: 1024 ** 3 },
]
/** A file system in memory, where there is one. */
const MEMORY = '/dev/shm'
const WITHIN_MS = 300_000

/** Sending to durable, against rsync's daemon on the same files with and without --fsync. */
export async function run(): Promise<Row[]> {
  const rows: Row[] = []
  for (const load of LOADS) {
    const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
    try {
      rows.push(...(await measureLoad(load, directory)))
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  }
  return rows
}

async function measureLoad(load: Load, directory: string): Promise<Row[]> {
  const source = path.join(directory, 'source')
  writeLoad(load, source)
  const rsync = await startRsyncDaemon(directory)
  const plain = rsync.send(source, 'plain', [])
  const synced = rsync.send(source, 'synced', ['--fsync'])
  rsync.stop()
  const tar = await tarOverSocket(source, path.join(directory, 'tar'))
  const ours = await sendWithHoldfast(source, directory)
  const time = (name: string, seconds: number, atMost: number): Row => ({
    metric: `${load.name} durable, against ${name}`,
    value: ours.seconds,
    unit: 's',
    reference: { name, value: seconds },
    target: { atMost },
  })
  const memory = (end: string, mebibytes: number): Row => ({
    metric: `${load.name}, memory of the ${end} at its peak`,
    value: mebibytes,
    unit: 'MiB',
    reference: null,
    target: { atMost: 200 },
  })
  return [
    time('rsync', plain, 1),
    time('rsync --fsync', synced, load.files > 1000 ? 0.2 : 1),
    { ...time('tar over a socket, nothing synced', tar, 1), target: null },
    ...(load.bytes > SMALL_FILE_BYTES ? await limits(load, source, directory, ours.seconds) : []),
    memory('sender', ours.senderMiB),
    memory('receiver', ours.receiverMiB),
  ]
}

/** Large files against what they cannot be faster than: the disk, and Node's TLS and SHA-256 without any disk. */
async function limits(load: Load, source: string, directory: string, ours: number): Promise<Row[]> {
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
  const disk = bareDisk(files, path.join(directory, 'bare'))
  const rows = [row('durable, against the disk alone', ours, 'write and fsync', disk, 1.18)]
  if (!existsSync(MEMORY)) return rows
  const inMemory = mkdtempSync(path.join(MEMORY, 'holdfast-bench-'))
  try {
    const raw = await rawTls(files, path.join(inMemory, 'raw'))
    const { seconds } = await sendWithHoldfast(source, inMemory)
    return [...rows, row('into memory', seconds, 'raw TLS + SHA-256', raw, 1.18)]
  } finally {
    rmSync(inMemory, { recursive: true, force: true })
  }
}

function writeLoad({ files, bytes }: Load, directory: string): void {
  mkdirSync(directory, { recursive: true })
  const content = Buffer.alloc(bytes)
  for (let index = 0; index < files; index += 1) {
    const folder = path.join(directory, `d${Math.floor(index / 1000)}`)
    if (index % 1000 === 0) mkdirSync(folder, { recursive: true })
    // Different files, none of them compressible to nothing, at the cost of a few bytes each.
    for (let offset = 0; offset < bytes; offset += 65_536)
      content.writeUInt32LE((index * 2654435761) >>> 0, offset)
    writeFileSync(path.join(folder, `file${index}`), content)
  }
  execFileSync('sync')
}

interface RsyncDaemon {
  /** Sends a directory into a module of the daemon; the seconds that it took. */
  send(source: string, into: string, flags: string[]): number
  stop(): void
}

async function startRsyncDaemon(directory: string): Promise<RsyncDaemon> {
  const port = await freePort()
  const root = path.join(directory, 'rsync')
  mkdirSync(root)
  const config = path.join(directory, 'rsyncd.conf')
  writeFileSync(
    config,
    `[store]\npath = ${root}\nread only = no\nuse chroot = no\nuid = ${process.getuid?.() ?? 0}\n`,
  )
  const words = ['--daemon', '--no-detach', '--address=127.0.0.1', `--port=${port}`, `--config=${config}`]
  const daemon: ChildProcess = spawn('rsync', words, { stdio: 'ignore' })
  await until('the rsync daemon', () => connects(port))
  return {
    send: (source, into, flags) => {
      const startedAt = performance.now()
      execFileSync('rsync', ['-a', ...flags, `${source}/`, `rsync://127.0.0.1:${port}/store/${into}/`])
      return (performance.now() - startedAt) / 1000
    },
    stop: () => void daemon.kill(),
  }
}

/** From the first look at the directory to the last file durable at the receiver. */
async function sendWithHoldfast(
  source: string,
  directory: string,
): Promise<{ seconds: number; senderMiB: number; receiverMiB: number }> {
  const starter = nodeWorkerStarter((name) => new URL(`../../cli/workers/${name}.ts`, import.meta.url))
  const quiet = { nudge: () => undefined, log: () => undefined, condition: () => undefined }
  let fingerprint: string | null = null
  let receiving: ReportOf<typeof receiverDefinition> | null = null
  const sender = new SupervisedWorker(senderDefinition, starter, {
    ...quiet,
    report: (report) => {
      fingerprint = report.fingerprint
    },
  })
  const receiver = new SupervisedWorker(receiverDefinition, starter, {
    ...quiet,
    report: (report) => {
      receiving = report
    },
  })
  const ledgerPath = path.join(directory, 'ledger.db')
  const ledger = openLedger(ledgerPath)
  const config = {
    identityDirectory: path.join(directory, 'identity'),
    ledgerPath,
    destination: null,
    sources: [{ id: 's', path: source, name: 'source', groupWriteMark: false, paused: false }],
    paused: false,
    retrySeconds: 1,
    limit: { bytesPerSecond: null, schedule: [] },
  }
  try {
    sender.configure(config)
    const known = await until('the sender', () => fingerprint)
    const storeDirectory = path.join(directory, 'store')
    const trusted = [{ fingerprint: known, name: 'sender' }]
    receiver.configure({ storeDirectory, host: '127.0.0.1', port: 0, name: 'store', trusted })
    const { port, fingerprint: pin } = await until('the receiver', () => receiving)
    sender.configure({
      ...config,
      destination: { id: 'bench', name: 'store', host: '127.0.0.1', port, fingerprint: pin },
    })
    const startedAt = performance.now()
    const files = offerAll(ledger, source)
    sender.nudge()
    await until('every file to be durable', () => ledger.totals('bench').s?.sentFiles === files, WITHIN_MS)
    const seconds = (performance.now() - startedAt) / 1000
    return { seconds, senderMiB: peakMiB(sender.state.pid), receiverMiB: peakMiB(receiver.state.pid) }
  } finally {
    ledger.close()
    await Promise.all([sender.stop(), receiver.stop()])
  }
}

function offerAll(ledger: ReturnType<typeof openLedger>, source: string): number {
  const entries = readdirSync(source, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  for (let start = 0; start < entries.length; start += 500) {
    const candidates = entries.slice(start, start + 500).map((entry) => {
      const file = path.join(entry.parentPath, entry.name)
      const { size, mtimeNs, ino, dev } = statSync(file, { bigint: true })
      const facts = { size: Number(size), mtimeNs, inode: ino, device: dev }
      return { source: 's', path: path.relative(source, file), ...facts }
    })
    ledger.offer('bench', candidates)
  }
  return entries.length
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer()
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
