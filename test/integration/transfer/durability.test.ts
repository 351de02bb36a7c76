import { execFileSync } from 'node:child_process'
import { createHash, randomFillSync } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { computeDigest } from '../../../core/platform/digest.ts'
import type { SmallFile } from '../../../core/protocol/frames.ts'
import { canMount, hasXfs } from '../../support/faults/mounts.ts'
import { chooseCases } from '../../support/long.ts'
import { runVerify } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { createRandom, makeHome, newSeed, readTree, startListening } from '../../support/transfer/transfer.ts'
import { buildHello, connectWire, DATA, dataSource, wireFacts } from '../../support/transfer/wire-client.ts'
import { until } from '../../support/until.ts'

const KIB = 1024
const STEPS = 24
/** Between the seconds in which the disk was copied lie many answers; each copy shows another moment. */
const COPIES = 7

interface FileSystem {
  system: string
  isThere: boolean
  make: string
  mebibytes: number
  /** How the store is mounted: nothing goes to the disk unless it is synced. */
  store: string
  /** How a copy of it is mounted. */
  copy: string
}

const fileSystems: FileSystem[] = [
  {
    ...{ system: 'ext4', isThere: canMount, make: 'mkfs.ext4', mebibytes: 192 },
    // No commit by the clock, none for a rename (ext4(5)).
    ...{ store: 'loop,commit=600,noauto_da_alloc', copy: 'loop' },
  },
  {
    ...{ system: 'xfs', isThere: hasXfs, make: 'mkfs.xfs', mebibytes: 320 },
    // Every copy has the UUID of its original, which is mounted meanwhile (xfs(5)).
    ...{ store: 'loop', copy: 'loop,nouuid' },
  },
]

function mountImage(image: string, at: string, options: string): () => void {
  fs.mkdirSync(at)
  execFileSync('mount', ['-o', options, image, at])
  let isMounted = true
  const unmount = () => {
    if (isMounted) execFileSync('umount', ['-l', at])
    isMounted = false
  }
  onTestFinished(unmount)
  return unmount
}

/** Whether a process that was stopped still has a call in the kernel that writes (state D of proc(5)). */
const isBusy = (pid: number) =>
  fs.readdirSync(`/proc/${pid}/task`).some((task) => {
    const stat = fs.readFileSync(`/proc/${pid}/task/${task}/stat`, 'latin1')
    return !/^ [Tt] /.test(stat.slice(stat.lastIndexOf(')') + 1))
  })

/** Copies the disk as it is in this moment, as when the power fails. */
function copyDisk(pid: number, image: string, to: string): void {
  process.kill(pid, 'SIGSTOP')
  try {
    const deadline = Date.now() + 5_000
    while (isBusy(pid) && Date.now() < deadline)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    fs.copyFileSync(image, to)
  } finally {
    process.kill(pid, 'SIGCONT')
  }
}

interface Sent {
  path: string
  digest: string
  /** What was there before, and has to be kept. */
  replaced: string | null
}

const shortly = (bytes: Buffer) => `${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`

test.for(chooseCases(fileSystems, 1))(
  'durability: a power failure on $system (needs root) loses no file, copy, version or manifest row reported durable',
  async ({ system, isThere, make, mebibytes, store: options, copy: copyOptions }, { skip }) => {
    if (!isThere) skip(`needs root, and a kernel and programs for ${system}`)
    const random = createRandom(newSeed('durability'))
    const below = (limit: number) => Math.floor(random() * limit)
    const base = temporaryDirectory('durable')
    const image = path.join(base, 'disk.img')
    fs.closeSync(fs.openSync(image, 'w'))
    fs.truncateSync(image, mebibytes * KIB * KIB)
    execFileSync(make, ['-q', image])
    const disk = path.join(base, 'disk')
    mountImage(image, disk, options)
    const home = await makeHome(path.join(base, 'home'))
    const { receiver, at } = await startListening(path.join(disk, 'store'), [home])

    const onWay = new Map<number, Sent>()
    const stored = new Map<string, { bytes: Buffer; digest: string }>()
    const durable: Sent[] = []
    const copies: { image: string; durable: Sent[] }[] = []
    let lastId = 0
    let welcomed = false
    let step = 0
    const wire = connectWire(at.port, home.identity, (frame) => {
      if (frame.type === 'welcome') welcomed = true
      if (frame.type !== 'result') return
      for (const [id, status] of frame.header.results) {
        const sent = onWay.get(id)
        onWay.delete(id)
        if (sent !== undefined && status <= 1) durable.push(sent)
      }
      // Spread over the whole run, and by chance within it.
      if (copies.length >= (COPIES * step) / STEPS || random() > 0.4) return
      const copy = path.join(base, `copy-${copies.length}.img`)
      copyDisk(receiver.process.pid ?? -1, image, copy)
      copies.push({ image: copy, durable: [...durable] })
    })
    wire.send('hello', buildHello())
    await until('it is let in', () => welcomed)
    wire.send('source', dataSource)

    const announce = (name: string, bytes: Buffer) => {
      lastId += 1
      const digest = shortly(bytes)
      onWay.set(lastId, { path: name, digest, replaced: stored.get(name)?.digest ?? null })
      stored.set(name, { bytes, digest })
      return { id: lastId, digest: computeDigest(bytes), facts: wireFacts(1_600_000_000 + lastId, 0o640) }
    }
    const newName = () =>
      `${['deep/er', `new-${lastId}/and/deeper`, `d${below(4)}`][below(3)]}/file-${lastId}-${below(1e6)}`
    const content = (size: number) => randomFillSync(Buffer.alloc(size))
    const known = () => [...stored.keys()][below(stored.size)] ?? newName()

    const sendBatch = (names: readonly string[]) => {
      const contents = names.map(() => content(below(12 * KIB)))
      const files = names.map((name, index): SmallFile => {
        const bytes = contents[index] ?? Buffer.alloc(0)
        const { id, facts, digest } = announce(name, bytes)
        return [id, DATA, name, bytes.length, facts, digest]
      })
      wire.send('batch', { files, directories: [] }, contents)
    }
    const sendLarge = (name: string) => {
      // Some go past the kernel's cache.
      const least = random() < 0.3 ? 4096 * KIB : 300 * KIB
      const bytes = content(least + below(900 * KIB))
      const { id, facts, digest } = announce(name, bytes)
      wire.send('begin', { id, source: DATA, path: name, size: bytes.length, facts, directories: [] })
      for (let at = 0; at < bytes.length; at += 256 * KIB)
        wire.send('chunk', { id }, [bytes.subarray(at, at + 256 * KIB)])
      wire.send('end', { id, digest })
    }
    const sendCopy = (name: string, from: string) => {
      const bytes = stored.get(from)?.bytes ?? Buffer.alloc(0)
      const file = { ...announce(name, bytes), source: DATA, path: name, size: bytes.length }
      wire.send('copy', { ...file, fromSource: DATA, fromPath: from, moved: false, directories: [] })
    }

    sendBatch(Array.from({ length: 20 }, newName))
    for (step = 1; step <= STEPS; step += 1) {
      await until('all is answered', () => onWay.size === 0)
      // Only one of these uses a name that is there: its old and its new content would race.
      const [from = '', ...old] = new Set([known(), known(), known()])
      sendBatch(Array.from({ length: 1 + below(30) }, newName))
      if (random() < 0.5) sendLarge(newName())
      if (random() < 0.7) sendCopy(newName(), from)
      if (old[0] !== undefined) sendBatch([old[0]])
      if (old[1] !== undefined) sendLarge(old[1])
    }
    await until('all is answered', () => onWay.size === 0)
    wire.socket.destroy()
    await receiver.kill()

    expect(copies.length).toBeGreaterThan(COPIES / 2)
    expect(durable.length).toBe(lastId)
    const kinds = copies.at(-1)?.durable ?? []
    expect(kinds.some(({ replaced }) => replaced !== null)).toBe(true)
    for (const [index, copy] of copies.entries()) {
      const at = path.join(base, `recovered-${index}`)
      const unmount = mountImage(copy.image, at, copyOptions)
      const store = path.join(at, 'store')
      const there = readTree(path.join(store, 'sender-1', 'data'))
      const old = Object.entries(readTree(path.join(store, '.holdfast', 'versions', 'sender-1', 'data')))
      // The last content of each name, or one that was on its way already.
      const last = new Map(copy.durable.map((sent) => [sent.path, sent]))
      const kept = (name: string, digest: string) =>
        there[name] === digest || old.some(([file, other]) => file.startsWith(`${name}/`) && other === digest)
      const lost = [...last.values()].filter(({ path: name, digest }) => !kept(name, digest))
      const lostVersions = copy.durable.filter(
        ({ path: name, replaced }) => replaced !== null && !kept(name, replaced),
      )
      expect({ index, lost, lostVersions }).toEqual({ index, lost: [], lostVersions: [] })
      // The manifest, too, knows each of them, and nothing that is not there; what was never answered it may not know.
      if (index % 3 === 0) {
        const { found } = await runVerify(store)
        const promised = new Set(copy.durable.map(({ path: name }) => `sender-1/data/${name}`))
        expect(
          found.filter(
            (finding) => !finding.startsWith('unknown ') || promised.has(finding.slice('unknown '.length)),
          ),
        ).toEqual([])
      }
      unmount()
    }
    console.log(
      `${copies.map((copy) => copy.durable.length).join(', ')} durable files at the moments of the copies`,
    )
  },
)
