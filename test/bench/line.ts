import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ensurePackages } from '../../build/setup/system.mjs'
import { createRandom } from '../soak/faults.ts'
import { type Line, type LineOptions, startLine } from '../support/faults/line.ts'
import { type SftpServer, startSftpServer } from '../support/servers/sftp.ts'
import { type Sent, sendWithHoldfast, writeLoad } from './ends.ts'
import { copyBySftp, sendWithSyncthing } from './peers.ts'
import type { Row } from './row.ts'

/** The send buffer of each connection: it carries so much per round trip. */
const WINDOW_BYTES = 256 * 1024
const CASES = [
  { roundTripMs: 50, loss: 0 },
  { roundTripMs: 150, loss: 0 },
  { roundTripMs: 50, loss: 0.001 },
  { roundTripMs: 150, loss: 0.001 },
]
/** Time of each measurement of plain connections. */
const MEASURE_MS = 10_000
/** Time that a transfer would take at their rate. */
const TRANSFER_SECONDS = 20
const PIECE_BYTES = 1024 * 1024
const LEAST_BYTES = 16 * 1024 * 1024
const SMALL = { name: '20,000 × 4 KiB', files: 20_000, bytes: 4096, runs: 1 }
const BEFORE = { name: '5,000 × 4 KiB', files: 5_000, bytes: 4096, runs: 1 }
const SMALL_ROUND_TRIP_MS = 20
const TEXT_ROUND_TRIP_MS = 150
const MB = 1e6
const thisFile = fileURLToPath(import.meta.url)

/**
 * Sends over a long line, against plain TCP connections and other programs through the same emulated line in the same
 * run. Runs as root in a network namespace of its own, where the kernel's send buffer has the size of the line's window:
 * on loopback it would take in many windows of a connection, which no real line lets it do.
 */
export async function* run(): AsyncGenerator<Row> {
  await ensurePackages(['rclone', 'syncthing', 'openssh-server'], 'the benchmark of long lines')
  if (process.getuid?.() !== 0) return yield* measureAll()
  const buffers = `4096 16384 ${WINDOW_BYTES}`
  const inside = `ip link set lo up && echo ${buffers} > /proc/sys/net/ipv4/tcp_wmem && exec "$0" "$@"`
  const inNetwork = ['--net', 'sh', '-c', inside, process.execPath, thisFile]
  const child = spawn('unshare', inNetwork, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  for await (const line of createInterface(child.stdout)) yield JSON.parse(line)
  const [status] = await ended
  if (status !== 0) throw new Error(`the measurement ended with ${status}`)
}

async function* measureAll(): AsyncGenerator<Row> {
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  const ssh = await startSftpServer(null)
  try {
    for (const { roundTripMs, loss } of CASES) {
      const options = { delayMs: roundTripMs / 2, windowBytes: WINDOW_BYTES, loss }
      const one = await measureRaw(1, options)
      const eight = await measureRaw(8, options)
      const bytes = Math.max(LEAST_BYTES, Math.round(eight * TRANSFER_SECONDS))
      const source = path.join(directory, `source-${roundTripMs}-${loss}`)
      writeRandom(source, bytes)
      const { seconds } = await sendThrough(source, directory, options)
      const name = `${roundTripMs} ms round trip, ${loss * 100} % loss`
      const row = { value: bytes / seconds / MB, unit: 'MB/s' }
      const plain = (name: string, rate: number) => ({ name, value: rate / MB })
      yield { metric: name, ...row, reference: plain('8 connections', eight), target: { atLeast: 0.85 } }
      yield { metric: name, ...row, reference: plain('1 connection', one), target: { atLeast: 5 } }
      // These use one connection for a file: one of the same size would take many minutes.
      const peersBytes = Math.max(LEAST_BYTES, Math.round(one * TRANSFER_SECONDS))
      const peersSource = path.join(directory, `peers-${roundTripMs}-${loss}`)
      writeRandom(peersSource, peersBytes)
      for (const peer of listPeers(ssh)) {
        const into = mkdtempSync(path.join(directory, 'peer-'))
        const taken = await throughLine(options, (through) => peer.copy(peersSource, into, through))
        const value = peersBytes / taken / MB
        yield { metric: name, ...row, reference: { name: peer.name, value }, target: { atLeast: 1 } }
      }
    }
    yield await measureText(directory)
    const [source, before] = [path.join(directory, 'small'), path.join(directory, 'before')]
    writeLoad(SMALL, source)
    writeLoad(BEFORE, before)
    const options = { delayMs: SMALL_ROUND_TRIP_MS / 2, windowBytes: WINDOW_BYTES }
    const { seconds } = await sendThrough(source, directory, options, before)
    const metric = `${SMALL.name}, ${SMALL_ROUND_TRIP_MS} ms round trip`
    const value = SMALL.files / seconds
    yield { metric, value, unit: 'files/s', reference: null, target: { atLeast: 10_000 } }
  } finally {
    await ssh.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Text as a station writes it, which Holdfast compresses, against the bytes that eight connections carry. */
async function measureText(directory: string): Promise<Row> {
  const options = { delayMs: TEXT_ROUND_TRIP_MS / 2, windowBytes: WINDOW_BYTES }
  const eight = await measureRaw(8, options)
  const bytes = Math.round(eight * TRANSFER_SECONDS)
  const source = path.join(directory, 'text')
  writeText(source, bytes)
  const { seconds } = await sendThrough(source, directory, options)
  return {
    ...{ metric: `one file of text, ${TEXT_ROUND_TRIP_MS} ms round trip`, value: bytes / seconds / MB },
    ...{ unit: 'MB/s', reference: { name: '8 connections', value: eight / MB }, target: { atLeast: 2 } },
  }
}

/** Returns the port of a line to another port. */
type Through = (port: number) => Promise<number>

/** Programs that send a directory over a line; each returns the seconds that it took. */
function listPeers(ssh: SftpServer) {
  return [
    {
      name: 'rclone, SFTP, not durable',
      copy: async (source: string, into: string, through: Through) =>
        copyBySftp(ssh, await through(ssh.port), source, into),
    },
    { name: 'Syncthing', copy: sendWithSyncthing },
  ]
}

/** Writes a file that can neither be compressed nor made of repeated blocks. */
function writeRandom(directory: string, bytes: number): void {
  mkdirSync(directory)
  const fd = openSync(path.join(directory, 'file'), 'w')
  for (let at = 0; at < bytes; at += PIECE_BYTES)
    writeSync(fd, randomBytes(Math.min(PIECE_BYTES, bytes - at)))
  closeSync(fd)
}

/** Writes a file of measurements, each line different. */
function writeText(directory: string, bytes: number): void {
  mkdirSync(directory)
  const random = createRandom(3)
  const fd = openSync(path.join(directory, 'file.csv'), 'w')
  for (let at = 0, second = 0; at < bytes; second += 1) {
    const values = Array.from({ length: 4 }, () => (random() * 1_000).toFixed(3))
    at += writeSync(fd, `${new Date(1.8e12 + second * 1_000).toISOString()},${values.join(',')},OK\n`)
  }
  closeSync(fd)
}

/** @param before files that go before the clock starts: agents run all day, and have their code compiled. */
const sendThrough = (source: string, base: string, options: LineOptions, before?: string): Promise<Sent> =>
  throughLine(options, (through) => {
    const directory = mkdtempSync(path.join(base, 'run-'))
    return sendWithHoldfast({ source, ...(before !== undefined && { before }), directory, through })
  })

async function throughLine<T>(options: LineOptions, send: (through: Through) => Promise<T>): Promise<T> {
  const lines: Line[] = []
  try {
    return await send(async (port) => {
      const line = await startLine(port, { ...options, random: createRandom(2) })
      lines.push(line)
      return line.port
    })
  } finally {
    for (const line of lines) line.close()
  }
}

/** Bytes a second that this many connections carry, which send all the time. */
async function measureRaw(connections: number, options: LineOptions): Promise<number> {
  const server = net.createServer((socket) => void socket.on('error', () => undefined).resume())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const line = await startLine(port, { ...options, random: createRandom(2) })
  const piece = Buffer.alloc(64 * 1024)
  const sockets = Array.from({ length: connections }, () => {
    const socket = net.connect({ port: line.port, host: '127.0.0.1' }).on('error', () => undefined)
    const fill = () => {
      while (socket.write(piece));
    }
    socket.on('drain', fill)
    fill()
    return socket
  })
  const startedAt = performance.now()
  await delay(MEASURE_MS)
  const rate = (line.arrivedBytes() / (performance.now() - startedAt)) * 1000
  for (const socket of sockets) socket.destroy()
  line.close()
  server.close()
  return rate
}

if (process.argv[1] === thisFile) for await (const row of measureAll()) console.log(JSON.stringify(row))
