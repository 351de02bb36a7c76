import { hostname } from 'node:os'
import { sendCommand } from '../core/agent/control-socket.ts'
import { stateSnapshotSchema } from '../core/agent/state-schema.ts'
import { pairWithReceiver } from '../core/send/pair.ts'
import { openRenewal } from '../core/send/renewal.ts'
import { openDataDirectory } from '../core/settings/data-directory.ts'
import { openSettings } from '../core/settings/store.ts'
import { addressOf } from '../core/wire/pairing-code.ts'
import { message } from '../core/words/message.ts'
import { Problem } from '../core/words/problem.ts'
import { englishWords } from '../core/words/words.ts'
import { lockDirectory } from '../core/worker/directory-lock.ts'
import { outcomeOf } from './outcome.ts'

const PAIR_WITHIN_MS = 20_000

/**
 * Pairs the agent of a data directory with the receiver that made this code: through the agent if it runs,
 * else by writing its settings.
 */
export async function pairWith(code: string, dataDirectory: string, name: string | undefined): Promise<void> {
  const input = { code, ...(name === undefined ? {} : { name }) }
  const answer = await sendCommand(dataDirectory, 'pair', input).catch((thrown) => {
    if (thrown instanceof Problem && thrown.sentence.key === 'agent.notRunning') return null
    throw thrown
  })
  if (answer === null) {
    await pairAlone(code, dataDirectory, name ?? hostname())
    return
  }
  const refusal = outcomeOf(answer)
  if (refusal !== null) throw new Problem(refusal.key, refusal.params)
  const { state } = stateSnapshotSchema.parse(await sendCommand(dataDirectory, 'snapshot', {}))
  const { name: receiver, address } = state.destination
  console.log(englishWords(message('transfer.pairedWith', { name: receiver, address })))
}

async function pairAlone(code: string, dataDirectory: string, name: string): Promise<void> {
  const layout = openDataDirectory(dataDirectory)
  const lock = lockDirectory(dataDirectory)
  // It has started just now, and would overwrite what is written here.
  if (lock === null) throw new Problem('agent.starting')
  const settings = openSettings(dataDirectory)
  const renewal = await openRenewal(layout.identity, (_, text) => console.error(text))
  await renewal.replaceExpired()
  const destination = await pairWithReceiver(
    code,
    name,
    renewal.identity,
    AbortSignal.timeout(PAIR_WITHIN_MS),
  )
  settings.set({ ...settings.get(), destination })
  const address = addressOf(destination.host, destination.port)
  lock.release()
  console.log(englishWords(message('transfer.pairedWith', { name: destination.name, address })))
}
