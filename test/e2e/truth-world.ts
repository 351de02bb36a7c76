// What the faults of truth-rows.ts happen to: sources on disks of their own, and two destinations.
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ReceiverProcess } from '../support/transfer/receiver-process.ts'
import { until } from '../support/until.ts'
import { type Desktop, expect } from './desktop.ts'

/** How often what is checked, and what could not be sent or found, is tried. */
export const CHECK_SECONDS = 1
export const RETRY_SECONDS = 1
export const RECONCILE_SECONDS = 5
const FILES = 60

/** Starts with four sources, a folder on a disk of its own and a receiver; returns when everything is sent to both. */
export async function startWorld(desktop: Desktop, receiver: ReceiverProcess) {
  const [disk, small, shelf] = [await desktop.ext4(), await desktop.tmpfs(), await desktop.tmpfs()]
  const plain = path.join(desktop.dataDirectory, 'plain')
  const datas = path.join(desktop.dataDirectory, 'datas')
  const [lane, narrow] = [path.join(disk.point, 'lane'), path.join(small.point, 'narrow')]
  const files = Array.from({ length: FILES }, (_, index) => path.join(plain, `run-${index}`))
  const copies = path.join(shelf.point, 'copies')
  for (const one of [plain, datas, lane, narrow, copies]) await mkdir(one)
  await mkdir(path.join(narrow, 'album'))
  for (let index = 0; index < 12; index += 1)
    await writeFile(path.join(narrow, 'album', `picture-${index}`), `picture ${index}`)
  for (const file of files) await writeFile(file, `what ${file} has measured`)
  const batch = { kind: 'batch', ignore: ['*.log'], batch: { prefix: 'DC' } }
  const running = await desktop.start({
    ownNamespace: true,
    settings: {
      check: { intervalSeconds: CHECK_SECONDS },
      scan: { reconcileSeconds: RECONCILE_SECONDS, quietSeconds: 0.3 },
      send: { retrySeconds: RETRY_SECONDS },
      alerts: { unreachableMinutes: 0.05 },
      sources: [
        { id: 'lane', name: 'lane', path: lane },
        { id: 'narrow', name: 'narrow', path: narrow },
        { id: 'plain', name: 'plain', path: plain },
        { id: 'datas', name: 'datas', path: datas, ...batch },
      ],
    },
  })
  const folder = { kind: 'folder' as const, name: 'shelf', path: copies, recipient: null, hideNames: false }
  const code = await receiver.code()
  const added = await running.page.evaluate(
    async (given) => [
      await window.holdfast.call('addDestination', { destination: given.folder, secrets: {} }),
      await window.holdfast.call('pair', { code: given.code }),
    ],
    { folder, code },
  )
  expect(added).toEqual([{}, {}])
  /** Nothing waits, and nothing fails; all of it is on this one computer. */
  const isWell = async () => {
    const { status, totals, destinations } = await running.state()
    const isConnected = destinations.every(({ connection }) => connection.state === 'connected')
    return isConnected && status.level === 'partial' && totals.sentFiles >= FILES && totals.waitingFiles === 0
  }
  await until('all to be well', isWell)
  const desktopDirectory = desktop.dataDirectory
  return { running, disk, small, shelf, plain, narrow, datas, files, isWell, receiver, desktopDirectory }
}

export type World = Awaited<ReturnType<typeof startWorld>>
