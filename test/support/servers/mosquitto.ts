import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { ensurePackages } from '../../../build/setup/system.mjs'
import { temporaryDirectory } from '../temporary.ts'
import { until } from '../until.ts'
import { freePort } from './sftp.ts'

/** A user of the broker. */
export const MQTT_USER = { user: 'station', password: 'a password' }

/** Debian's MQTT broker, on loopback, with one user; with a certificate it takes TLS alone. */
export async function startMosquitto(tls?: { cert: string; key: string }, port?: number) {
  await ensurePackages(['mosquitto', 'mosquitto-clients'], 'the MQTT broker of the tests')
  const directory = temporaryDirectory('mosquitto')
  const at = (name: string) => path.join(directory, name)
  const listen = port ?? (await freePort())
  const { user, password } = MQTT_USER
  writeFileSync(at('users'), `${user}:${password}\n`, { mode: 0o600 })
  const made = spawn('mosquitto_passwd', ['-U', at('users')], { stdio: 'ignore' })
  await once(made, 'exit')
  const lines = [`listener ${listen} 127.0.0.1`, 'allow_anonymous false', `password_file ${at('users')}`]
  if (process.getuid?.() === 0) lines.push('user root')
  if (tls !== undefined) {
    writeFileSync(at('cert.pem'), tls.cert)
    writeFileSync(at('key.pem'), tls.key, { mode: 0o600 })
    lines.push(`certfile ${at('cert.pem')}`, `keyfile ${at('key.pem')}`)
  }
  writeFileSync(at('mosquitto.conf'), `${lines.join('\n')}\n`)
  let log = ''
  const server = spawn('mosquitto', ['-c', at('mosquitto.conf'), '-v'], { stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [server.stdout, server.stderr])
    stream.on('data', (chunk) => {
      log += chunk
    })
  await until(`mosquitto to run: ${log}`, () => /mosquitto version .* running/.test(log))
  return {
    port: listen,
    log: () => log,
    async stop() {
      if (server.exitCode !== null || server.signalCode !== null) return
      server.kill('SIGKILL')
      await once(server, 'exit')
    },
  }
}

/** Subscribes with Debian's client; returns the messages so far as `topic payload`. */
export async function subscribe(port: number, topic: string, ...more: string[]) {
  const { user, password } = MQTT_USER
  const words = ['-h', '127.0.0.1', '-p', String(port), '-u', user, '-P', password, '-t', topic]
  const client = spawn('stdbuf', ['-oL', 'mosquitto_sub', ...words, '-q', '1', '-v', '-d', ...more], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  client.stdout.on('data', (chunk) => {
    out += chunk
  })
  await until(`the subscription: ${out}`, () => out.includes('SUBACK') || out.includes('Subscribed'))
  return {
    messages: () =>
      out
        .split('\n')
        .filter((line) => line.includes(' {'))
        .map((line) => {
          const begin = line.indexOf(' {')
          return { topic: line.slice(0, begin), event: JSON.parse(line.slice(begin + 1)) }
        }),
    stop: () => client.kill('SIGKILL'),
  }
}
