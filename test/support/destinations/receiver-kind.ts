import path from 'node:path'
import { onTestFinished } from 'vitest'
import { mountTmpfs } from '../faults/mounts.ts'
import { startRuled } from '../store/store.ts'
import { temporaryDirectory } from '../temporary.ts'
import { fillDisk, placeOnDisk } from './disk-place.ts'
import type { TestedKind } from './kind.ts'

const NO_FLOOR = { floor: { bytes: 0, percent: 0 } }

/** Holdfast's own receiver, in this process. */
export const receiverKind: TestedKind = {
  name: 'receiver',
  canBeFull: true,
  resumes: true,
  keepsNs: (ns) => ns,
  keepsMode: () => 0o600,
  async open(home, { megabytes } = {}) {
    const disk = megabytes === undefined ? null : await mountTmpfs(onTestFinished, { megabytes })
    const store = disk?.point ?? path.join(temporaryDirectory('kind'), 'store')
    const { receiver } = await startRuled(store, [home], NO_FLOOR)
    const { port, fingerprint } = receiver
    const own = path.join(store, '.holdfast')
    return {
      ...(disk === null ? {} : { fill: (leaving: number) => fillDisk(store, leaving) }),
      port,
      secrets: {},
      settings: (at = port) => ({
        id: 'd',
        kind: 'receiver',
        name: 'nas',
        host: '127.0.0.1',
        port: at,
        fingerprint,
      }),
      ...placeOnDisk(path.join(store, 'sender-1'), path.join(own, 'versions/sender-1'), [
        path.join(own, 'tmp'),
        path.join(own, 'partial'),
      ]),
    }
  },
}
