import { fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, createWriteStream, openSync, read } from 'node:fs'
import type { TLSSocket } from 'node:tls'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createHasher, type Hasher } from '../../core/platform/digest.ts'
import { loadIdentity } from '../../core/protocol/identity.ts'

/** What nothing that encrypts and verifies in Node can be faster than: one TLS connection, each end hashing. */

const PIECE_BYTES = 256 * 1024
/** Pieces that are read, hashed and not yet on the line. */
const PIECES = 6
const readPiece = promisify(read)
const thisFile = fileURLToPath(import.meta.url)

/** Written and not yet in the file. */
const WRITING_BYTES = 16 * 1024 * 1024

/**
 * Takes one connection, hashes what comes, writes it `into` a file if one is named, and syncs that; answers with the
 * digest, and ends.
 */
async function serve(identityDirectory: string, into: string | undefined): Promise<void> {
  const { key, certificate } = await loadIdentity(identityDirectory)
  const options = { key, cert: certificate, minVersion: 'TLSv1.3', allowHalfOpen: true } as const
  const server = tls.createServer(options, (socket) => {
    const hash = createHasher()
    const file =
      into === undefined ? null : createWriteStream(into, { highWaterMark: WRITING_BYTES, flush: true })
    socket.on('data', (bytes) => {
      hash.update(bytes)
      if (file === null || file.write(bytes)) return
      socket.pause()
      file.once('drain', () => socket.resume())
    })
    socket.on('end', () => {
      if (file === null) return socket.end(hash.digest())
      // The file is synced as it is closed.
      file.once('close', () => socket.end(hash.digest()))
      file.end()
    })
    socket.on('close', () => process.exit(0))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  process.send?.(typeof address === 'object' ? address?.port : 0)
}

async function sendFile(file: string, socket: TLSSocket, hash: Hasher): Promise<void> {
  const fd = openSync(file, 'r')
  const pieces = Array.from({ length: PIECES }, () => Buffer.allocUnsafeSlow(PIECE_BYTES))
  const written: Promise<void>[] = pieces.map(() => Promise.resolve())
  for (let turn = 0; ; turn = (turn + 1) % PIECES) {
    await written[turn]
    const { bytesRead, buffer } = await readPiece(fd, pieces[turn] ?? Buffer.alloc(0), 0, PIECE_BYTES, null)
    if (bytesRead === 0) break
    const piece = buffer.subarray(0, bytesRead)
    hash.update(piece)
    written[turn] = new Promise((resolve) => socket.write(piece, () => resolve()))
  }
  await Promise.all(written)
  closeSync(fd)
}

/** Seconds from the first read to the other end's digest, in a process of its own, which may write `into` a file. */
export async function rawTls(
  files: readonly string[],
  identityDirectory: string,
  into?: string,
): Promise<number> {
  await loadIdentity(identityDirectory)
  const child = fork(thisFile, [identityDirectory, ...(into === undefined ? [] : [into])])
  try {
    const [port] = await once(child, 'message')
    const socket = tls.connect({ port, host: '127.0.0.1', minVersion: 'TLSv1.3', rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    socket.setNoDelay(true)
    const startedAt = performance.now()
    const hash = createHasher()
    for (const file of files) await sendFile(file, socket, hash)
    const answered = once(socket, 'data')
    socket.end()
    const [theirs] = await answered
    if (!hash.digest().equals(theirs)) throw new Error('what arrived is not what was sent')
    return (performance.now() - startedAt) / 1000
  } finally {
    child.kill()
  }
}

if (process.argv[1] === thisFile) await serve(process.argv[2] ?? '', process.argv[3])
