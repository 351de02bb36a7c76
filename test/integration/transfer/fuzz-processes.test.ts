import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import tls from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import { PROTOCOL } from '../../../core/protocol/limits.ts'
import { serverOptions } from '../../../core/protocol/tls.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  mutated,
  receiverFrame,
  senderFrame,
  strayFrame,
  toBytes,
} from '../../support/transfer/frame-fuzz.ts'
import {
  allSent,
  createRandom,
  DESTINATION,
  makeHome,
  newSeed,
  offerAll,
  readTree,
  receiverConfig,
  SOURCE,
  senderConfig,
  startListening,
  startTestReceiver,
  startTestSender,
  waitUntilListening,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { buildHello, dataSource } from '../../support/transfer/wire-client.ts'
import { until } from '../../support/until.ts'

/** Frames over real TLS against each end; the bulk is in fuzz.test.ts. */
const FRAMES = 2_500
const MIB = 1024 * 1024

/** What a process holds in memory now, and at most so far, in bytes (proc_pid_status(5)). */
function readMemory(pid: number | undefined) {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'latin1')
  const of = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024
  return { now: of('VmRSS'), most: of('VmHWM') }
}

const onLinux = test.skipIf(process.platform !== 'linux')

onLinux(
  `receiver over TLS: ${FRAMES} frames from paired and unknown attackers neither stop an honest sender nor leak memory`,
  async () => {
    const random = createRandom(newSeed('hostile senders'))
    const base = temporaryDirectory('hostile')
    const store = path.join(base, 'inside', 'store')
    const home = await makeHome(path.join(base, 'home'))
    const bad = await makeHome(path.join(base, 'bad'))
    const stranger = await makeHome(path.join(base, 'stranger'))
    const { receiver, at } = await startListening(store, [home, bad])
    fs.mkdirSync(path.join(base, 'outside'))
    fs.mkdirSync(path.join(store, 'sender-2', 'data'), { recursive: true })
    fs.symlinkSync(path.join(base, 'outside'), path.join(store, 'sender-2', 'data', 'planted'))
    const hello = toBytes({ type: 'hello', header: buildHello(), payload: [] })
    const greeting = toBytes({ type: 'source', header: dataSource, payload: [] })
    let frames = 0

    const attack = async () => {
      while (frames < FRAMES) {
        const { certificate: cert, key } = (random() < 0.9 ? bad : stranger).identity
        const socket = tls.connect({ port: at.port, host: '127.0.0.1', cert, key, rejectUnauthorized: false })
        const over = new Promise<void>((resolve) => socket.once('close', () => resolve()))
        socket.on('error', () => undefined)
        const answered = new Promise<void>((resolve) => socket.once('data', () => resolve()))
        if (random() < 0.9) {
          socket.write(hello)
          await Promise.race([answered, over])
          socket.write(greeting)
        }
        for (let count = 1 + Math.floor(random() * 25); count > 0; count -= 1) {
          const valid = random() < 0.05 ? strayFrame(random) : senderFrame(random)
          socket.write(random() < 0.6 ? toBytes(valid) : mutated(random, valid))
          frames += 1
        }
        socket.end()
        await over
      }
    }
    /** Bytes that are not even TLS. */
    const babble = async () => {
      while (frames < FRAMES) {
        const socket = net.connect(at.port, '127.0.0.1')
        const over = new Promise<void>((resolve) => socket.once('close', () => resolve()))
        socket.on('error', () => undefined)
        socket.resume()
        socket.end(mutated(random, senderFrame(random)))
        await over
      }
    }

    const sender = startTestSender()
    sender.configure(senderConfig(home, at))
    await until('connected', () => sender.report()?.connection.state === 'connected')
    const before = readMemory(receiver.process.pid)
    const attacks = Promise.all([attack(), attack(), attack(), attack(), babble()])
    let files = 0
    for (let wave = 0; wave < 5; wave += 1) {
      for (let index = 0; index < 30; index += 1)
        writeFile(home.source, `w${wave}/f${index}`, Buffer.alloc(Math.floor(random() * 9_000), index))
      writeFile(home.source, `w${wave}/large`, Buffer.alloc(MIB + 1, wave))
      files += 31
      offerAll(home)
      sender.nudge()
      await allSent(sender, files)
    }
    await attacks
    const after = readMemory(receiver.process.pid)
    console.log(`${frames} frames, memory ${JSON.stringify([before, after])}`)
    expect(readTree(path.join(store, 'sender-1', 'data'))).toEqual(readTree(home.source))
    expect(sender.report()?.connection).toMatchObject({ state: 'connected', problem: null })
    // One connection from beginning to end: nobody threw the honest one out.
    expect(sender.log.filter((line) => line.endsWith('connection: connected'))).toHaveLength(1)
    expect(after.most).toBeLessThan(before.now + 200 * MIB)
    expect(receiver.process.exitCode).toBeNull()
    await until('the refused are counted', () => (receiver.report()?.refusedConnections ?? 0) > 10)
    // A flood is told of, but does not fill the log: 20 lines of each kind in 10 s.
    expect(receiver.log.filter((line) => line.includes('refused 127.0.0.1')).length).toBeLessThan(200)
    expect(receiver.log.join('\n')).toContain('is not paired')
    expect(fs.readdirSync(path.join(base, 'outside'))).toEqual([])
    expect(fs.readdirSync(path.join(base, 'inside'))).toEqual(['store'])
    expect(fs.readdirSync(store).sort()).toEqual(['.holdfast', 'sender-1', 'sender-2'])
    const temporary = path.join(store, '.holdfast', 'tmp')
    await until('nothing half is left', () => Object.keys(readTree(temporary)).length === 0)
  },
)

onLinux(
  `sender over TLS: ${FRAMES} hostile frames neither end it nor leak memory, and an honest receiver gets all files`,
  async () => {
    const random = createRandom(newSeed('hostile receiver'))
    const base = temporaryDirectory('hostile')
    const home = await makeHome(path.join(base, 'home'))
    const identity = await loadIdentity(path.join(base, 'hostile identity'))
    for (let index = 0; index < 60; index += 1)
      writeFile(home.source, `d${index % 5}/f${index}`, Buffer.alloc(Math.floor(random() * 9_000), index))
    writeFile(home.source, 'large', Buffer.alloc(2 * MIB, 1))
    offerAll(home)

    let frames = 0
    let connections = 0
    const server = tls.createServer(serverOptions(identity), (socket) => {
      connections += 1
      socket.on('error', () => undefined)
      const header = {
        protocol: PROTOCOL,
        name: 'x',
        bytes: 100_000,
        files: 50,
        session: { epoch: 'ab', position: 9, last: null, next: 'cd', isForked: false },
      }
      if (random() < 0.95) socket.write(toBytes({ type: 'welcome', header, payload: [] }))
      const send = () => {
        if (socket.destroyed) return
        const valid = random() < 0.1 ? strayFrame(random) : receiverFrame(random)
        socket.write(random() < 0.5 ? toBytes(valid) : mutated(random, valid))
        frames += 1
        if (random() < 0.03) socket.end()
        else setImmediate(send)
      }
      socket.once('data', send)
      socket.resume()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as net.AddressInfo
    const sender = startTestSender()
    const config = senderConfig(home, { port, fingerprint: identity.fingerprint }, { retrySeconds: 0.02 })
    sender.configure(config)
    await until('it has met the hostile one', () => connections > 3)
    const before = readMemory(sender.process.pid)
    await until('all frames are sent', () => frames >= FRAMES)
    const after = readMemory(sender.process.pid)
    console.log(`${frames} frames, ${connections} connections, memory ${JSON.stringify([before, after])}`)
    expect(sender.process.exitCode).toBeNull()
    expect(after.most).toBeLessThan(before.now + 150 * MIB)
    // Whatever a liar said, what it was never sent is no news of another destination.
    const receiver = startTestReceiver()
    const store = path.join(base, 'store')
    await receiver.configure(receiverConfig(store, [home]))
    const destination = {
      id: `${DESTINATION} again`,
      name: 'honest',
      kind: 'receiver' as const,
      host: '127.0.0.1',
      ...(await waitUntilListening(receiver)),
    }
    sender.configure({ ...config, destination })
    await until('all is sent', () => {
      const totals = sender.report()?.totals[SOURCE]
      return totals?.sentFiles === 61 && totals.waitingFiles === 0
    })
    expect(readTree(path.join(store, 'sender-1', 'data'))).toEqual(readTree(home.source))
  },
)
