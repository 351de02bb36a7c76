import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { until } from '../support/until.ts'

export interface RsyncDaemon {
  /** Sends a directory into a module of the daemon; the seconds that it took. */
  send(source: string, into: string, flags: string[]): number
  /** The reverse: brings what it has back into a directory. */
  fetch(from: string, into: string, flags: string[]): number
  stop(): void
}

export async function startRsyncDaemon(directory: string): Promise<RsyncDaemon> {
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
  const url = `rsync://127.0.0.1:${port}/store`
  const timed = (words: string[]) => {
    const startedAt = performance.now()
    execFileSync('rsync', ['-a', ...words])
    return (performance.now() - startedAt) / 1000
  }
  return {
    send: (source, into, flags) => timed([...flags, `${source}/`, `${url}/${into}/`]),
    fetch: (from, into, flags) => timed([...flags, `${url}/${from}/`, `${into}/`]),
    stop: () => void daemon.kill(),
  }
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
