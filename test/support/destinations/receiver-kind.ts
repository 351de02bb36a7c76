import path from 'node:path'
import { onTestFinished } from 'vitest'
import { DEFAULT_RULES } from '../../../core/store/quota/admission.ts'
import { mountTmpfs } from '../faults/mounts.ts'
import { startRuled } from '../store/store.ts'
import { temporaryDirectory } from '../temporary.ts'
import { type Home, receiverConfig, startTestReceiver, waitUntilListening } from '../transfer/transfer.ts'
import { fillDisk, placeOnDisk } from './disk-place.ts'
import type { Place, TestedKind } from './kind.ts'

const NO_FLOOR = { floor: { bytes: 0, percent: 0 } }

type Started = { port: number; fingerprint: string } & Pick<Place, 'crash'>

/** In this process. */
const startHere = async (store: string, home: Home): Promise<Started> =>
  (await startRuled(store, [home], NO_FLOOR)).receiver

/** In a process of its own, which can be killed. */
async function startBeside(store: string, home: Home): Promise<Started> {
  const config = { ...receiverConfig(store, [home]), rules: { ...DEFAULT_RULES, ...NO_FLOOR } }
  let receiver = startTestReceiver()
  await receiver.configure(config)
  const at = await waitUntilListening(receiver)
  const crash = async () => {
    await receiver.kill()
    receiver = startTestReceiver()
    await receiver.configure({ ...config, port: at.port })
    await waitUntilListening(receiver)
  }
  return { ...at, crash }
}

const kindOf = (start: typeof startHere): TestedKind => ({
  name: 'receiver',
  canBeFull: true,
  resumes: true,
  keepsNs: (ns) => ns,
  keepsMode: () => 0o600,
  async open(home, { megabytes } = {}) {
    const disk = megabytes === undefined ? null : await mountTmpfs(onTestFinished, { megabytes })
    const store = disk?.point ?? path.join(temporaryDirectory('kind'), 'store')
    const { port, fingerprint, crash } = await start(store, home)
    const own = path.join(store, '.holdfast')
    return {
      ...(disk === null ? {} : { fill: (leaving: number) => fillDisk(store, leaving) }),
      ...(crash === undefined ? {} : { crash }),
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
})

/** Holdfast's own receiver, in this process. */
export const receiverKind = kindOf(startHere)
export const receiverProcessKind = kindOf(startBeside)
