import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { ensurePackages } from '../../../build/setup/system.mjs'
import { temporaryDirectory } from '../temporary.ts'
import { until } from '../until.ts'
import { freePort, isOpen } from './sftp.ts'

/** A name that only the proxy resolves, to its own loopback: nothing else reaches it. */
export const FAR = 'far.test'

/** The user of the proxies. tinyproxy takes only such characters. */
export const PROXY_USER = { user: 'station', password: 'a-pass.word_1' }

/** Needs root: the proxy has a file of hosts of its own, in a mount namespace. */
export const canStartProxy = process.platform === 'linux' && process.getuid?.() === 0

const kinds = { http: 'tinyproxy', socks5: 'microsocks' } as const
export type ForwardProxyKind = keyof typeof kinds

interface ForwardProxy {
  /** Without the login. */
  address: string
  /** Returns the log of the proxy. */
  log(): string
}

/** Starts a real proxy for the test that runs: tinyproxy for CONNECT, microsocks for SOCKS5; both want the login. */
export async function startForwardProxy(kind: ForwardProxyKind): Promise<ForwardProxy> {
  await ensurePackages(['tinyproxy-bin', 'microsocks'], 'the proxies of the tests')
  const directory = temporaryDirectory('proxy')
  const port = await freePort()
  const { user, password } = PROXY_USER
  const at = (name: string) => path.join(directory, name)
  writeFileSync(at('hosts'), `127.0.0.1 localhost ${FAR}\n`)
  const lines = [`Port ${port}`, 'Listen 127.0.0.1', 'LogLevel Connect', `BasicAuth ${user} ${password}`]
  writeFileSync(at('tinyproxy.conf'), `${lines.join('\n')}\n`)
  const words =
    kind === 'http'
      ? ['tinyproxy', '-d', '-c', at('tinyproxy.conf')]
      : ['microsocks', '-i', '127.0.0.1', '-p', String(port), '-u', user, '-P', password]
  const script = 'mount --bind "$0" /etc/hosts && exec "$@"'
  const server = spawn('unshare', ['--mount', 'sh', '-c', script, at('hosts'), ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [server.stdout, server.stderr])
    stream.on('data', (chunk) => {
      log += chunk
    })
  onTestFinished(async () => {
    if (server.exitCode !== null) return
    server.kill('SIGKILL')
    await once(server, 'exit')
  })
  await until(`${kinds[kind]} listens`, () => {
    if (server.exitCode !== null) throw new Error(log)
    return isOpen(port)
  })
  return { address: `${kind}://127.0.0.1:${port}`, log: () => log }
}
