import { storeLayout } from '../store/layout.ts'
import { chooseSender, openSenders } from '../store/senders/senders.ts'
import { Problem } from '../words/problem.ts'
import type { InputOf } from '../worker/definition.ts'
import type { WorkerHandlers } from '../worker/serve.ts'
import type { ReceivedSender, receiverDefinition } from './messages.ts'
import { MOST_SENDERS } from './messages.ts'
import { CODE_MINUTES } from './pairing/codes.ts'
import { invite } from './pairing/invitation.ts'
import type { Receiver } from './receiver.ts'
import type { SenderState } from './senders/seen.ts'

type Definition = typeof receiverDefinition

/** A name of a sender, as the list of senders has it. */
const LONGEST_NAME = 200

const NAME = new RegExp(`^[^\\p{Cc}]{1,${LONGEST_NAME}}$`, 'u')

/** Those that may send now, the ones that were seen last first. */
export function sendersOf(receiver: Pick<Receiver, 'senderStates' | 'usage'>): ReceivedSender[] {
  const last = ({ connected, seenAt }: SenderState) => (connected ? Number.POSITIVE_INFINITY : (seenAt ?? 0))
  return receiver
    .senderStates()
    .sort((one, other) => last(other) - last(one) || one.name.localeCompare(other.name))
    .slice(0, MOST_SENDERS)
    .map(({ fingerprint, name, folder, seenAt, connected, status, statusAt }) => {
      const { files, bytes } = receiver.usage(folder)
      const told = {
        level: status?.level ?? null,
        sentence: status?.sentence ?? null,
        words: status?.words ?? null,
        statusAt,
      }
      return { fingerprint, name, folder, seenAt, connected, ...told, files, bytes }
    })
}

/**
 * What a person does with the senders of a running receiver: written to its list, which it follows.
 * @param store its directory. @throws Problem where it does not run.
 * @param changed is called when the list is another one.
 */
export function answerRequests(
  store: () => Promise<string>,
  changed: () => void,
): WorkerHandlers<Definition>['requests'] {
  const list = async () => openSenders(storeLayout(await store()).senders, () => undefined)
  return {
    async invite({ replaces }: InputOf<Definition, 'invite'>) {
      const directory = await store()
      const replaced = replaces === null ? null : chooseSender((await list()).list(), replaces, directory)
      const { code } = await invite(directory, Date.now(), replaced?.folder)
      return { code, minutes: CODE_MINUTES }
    },
    async renameSender({ fingerprint, name }: InputOf<Definition, 'renameSender'>) {
      const wanted = name.trim()
      if (!NAME.test(wanted)) throw new Problem('transfer.senderNameInvalid', { name })
      await (await list()).rename(fingerprint, wanted)
      changed()
      return {}
    },
    async revokeSender({ fingerprint }: InputOf<Definition, 'revokeSender'>) {
      await (await list()).revoke(fingerprint, Date.now())
      changed()
      return {}
    },
  }
}
