import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, read, writeSync } from 'node:fs'
import { constants } from 'node:os'
import type { FuseMode, FuseNews } from './fuse.ts'

// A FUSE file system of one directory with one file, whose answers a test can withhold or spoil. It runs as a process
// of its own: its end, however it comes, ends all calls that wait for it. Message layouts: linux/fuse.h, protocol 7.31.

const CONTENT = Buffer.alloc(8_192, 'x')
const ROOT = 1n
const FILE = 2n
/** Inode of the first large file. */
const LARGE = 100n
const LARGE_BYTES = 12 * 1024 * 1024
const S_IFDIR = 0o040000
const S_IFREG = 0o100000

const LOOKUP = 1
const GETATTR = 3
const OPEN = 14
const READ = 15
const STATFS = 17
const RELEASE = 18
const FLUSH = 25
const INIT = 26
const OPENDIR = 27
const READDIR = 28
const RELEASEDIR = 29
const ACCESS = 34
/** FORGET, INTERRUPT and BATCH_FORGET want no answer. */
const UNANSWERED = new Set([2, 36, 42])

interface Request {
  opcode: number
  unique: bigint
  node: bigint
  /** The thread that asks. */
  thread: number
  body: Buffer
}

const point = process.argv[2] ?? ''
const device = openSync('/dev/fuse', 'r+')
let mode: FuseMode = { does: 'answer' }
let withheld: Request[] = []

function attributes(node: bigint): Buffer {
  const attr = Buffer.alloc(88)
  attr.writeBigUInt64LE(node, 0)
  if (node !== ROOT) attr.writeBigUInt64LE(BigInt(node < LARGE ? CONTENT.length : LARGE_BYTES), 8)
  attr.writeUInt32LE(node === ROOT ? S_IFDIR | 0o755 : S_IFREG | 0o644, 60)
  attr.writeUInt32LE(1, 64)
  attr.writeUInt32LE(4_096, 80)
  return attr
}

function initAnswer(): Buffer {
  const out = Buffer.alloc(64)
  out.writeUInt32LE(7, 0)
  out.writeUInt32LE(31, 4)
  out.writeUInt16LE(16, 16)
  out.writeUInt16LE(12, 18)
  out.writeUInt32LE(65_536, 20)
  out.writeUInt32LE(1, 24)
  return out
}

/** The body of a good answer, or the number of an error. Nothing may be cached: each call shall come here. */
function answerTo({ opcode, node, body }: Request): Buffer | number {
  switch (opcode) {
    case INIT:
      return initAnswer()
    case LOOKUP: {
      const found = findNode(body.toString('utf8', 0, body.indexOf(0)))
      if (found === null) return constants.errno.ENOENT
      const entry = Buffer.alloc(40)
      entry.writeBigUInt64LE(found, 0)
      return Buffer.concat([entry, attributes(found)])
    }
    case GETATTR:
      return Buffer.concat([Buffer.alloc(16), attributes(node)])
    case OPEN:
    case OPENDIR:
      return Buffer.alloc(16)
    case READ: {
      const from = Number(body.readBigUInt64LE(8))
      const length = body.readUInt32LE(16)
      if (node >= LARGE) return Buffer.alloc(Math.max(0, Math.min(length, LARGE_BYTES - from)))
      return CONTENT.subarray(from, from + length)
    }
    case STATFS:
      return Buffer.alloc(80)
    case READDIR:
      return mode.does === 'answer' && mode.listed === true && body.readBigUInt64LE(8) === 0n
        ? listedFile()
        : Buffer.alloc(0)
    case RELEASE:
    case FLUSH:
    case RELEASEDIR:
    case ACCESS:
      return Buffer.alloc(0)
    default:
      return constants.errno.ENOSYS
  }
}

function findNode(name: string): bigint | null {
  if (name === 'file') return FILE
  const index = /^large-(\d+)$/.exec(name)?.[1]
  return index === undefined ? null : LARGE + BigInt(index)
}

/** One struct fuse_dirent: inode, next offset, length of the name, type, name, padded to eight bytes. */
function listedFile(): Buffer {
  const entry = Buffer.alloc(32)
  entry.writeBigUInt64LE(FILE, 0)
  entry.writeBigUInt64LE(1n, 8)
  entry.writeUInt32LE(4, 16)
  entry.writeUInt32LE(S_IFREG >> 12, 20)
  entry.write('file', 24)
  return entry
}

function isSpoiled({ opcode }: Request): boolean {
  return mode.does === 'fail' && (mode.at === 'read' ? opcode === READ : opcode === LOOKUP)
}

function isWithheld({ opcode, thread, body }: Request): boolean {
  if (mode.does !== 'withhold') return false
  if (mode.behind !== undefined) return opcode === READ && Number(body.readBigUInt64LE(8)) >= mode.behind
  return mode.to === undefined || existsSync(`/proc/${mode.to}/task/${thread}`)
}

function reply(request: Request): void {
  const spoiled = isSpoiled(request) && mode.does === 'fail' ? mode.errno : null
  const answer = spoiled ?? answerTo(request)
  const body = typeof answer === 'number' ? Buffer.alloc(0) : answer
  const header = Buffer.alloc(16)
  header.writeUInt32LE(16 + body.length, 0)
  header.writeInt32LE(typeof answer === 'number' ? -answer : 0, 4)
  header.writeBigUInt64LE(request.unique, 8)
  try {
    writeSync(device, Buffer.concat([header, body]))
  } catch {
    // Whoever asked has been killed meanwhile.
  }
}

function take(bytes: Buffer): void {
  const request: Request = {
    opcode: bytes.readUInt32LE(4),
    unique: bytes.readBigUInt64LE(8),
    node: bytes.readBigUInt64LE(16),
    thread: bytes.readUInt32LE(32),
    body: Buffer.from(bytes.subarray(40)),
  }
  if (UNANSWERED.has(request.opcode)) return
  if (!isWithheld(request)) {
    reply(request)
    return
  }
  withheld.push(request)
  tell({ mounted: true, withheld: withheld.length })
}

const tell = (news: FuseNews) => process.send?.(news)

const memory = Buffer.alloc(65_536 + 4_096)
function next(): void {
  read(device, memory, 0, memory.length, null, (error, length) => {
    // ENODEV: unmounted.
    if (error !== null && error.code === 'ENODEV') return end()
    if (error === null) take(memory.subarray(0, length))
    next()
  })
}

function end(): void {
  closeSync(device)
  process.kill(process.pid, 'SIGKILL')
}

process.on('message', (message: FuseMode) => {
  mode = message
  if (mode.does === 'withhold') return
  for (const request of withheld) reply(request)
  withheld = []
})
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))

next()
const options = 'fd=3,rootmode=40000,user_id=0,group_id=0,allow_other'
const mount = spawn('mount', ['-i', '-t', 'fuse', '-o', options, 'holdfast-test', point], {
  stdio: ['ignore', 'ignore', 'inherit', device],
})
mount.once('exit', (code) => tell({ mounted: code === 0, withheld: 0 }))
