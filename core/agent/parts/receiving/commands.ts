import os from 'node:os'
import path from 'node:path'
import type { Agent } from '../../agent.ts'
import { type HandlersOf, runAction } from '../../answering.ts'
import type { SettingsContext } from '../../settings-context.ts'
import { setReceiving } from '../receiving/receiving.ts'
import type { receivingContract } from './contract.ts'

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function receivingHandlers({ receiver }: Pick<Agent, 'receiver'>, context: SettingsContext) {
  return {
    setReceiving: ({ receive }) => runAction(() => setReceiving(context, receive)),
    receiveDirectory: async () => ({ path: path.join(os.homedir(), 'holdfast-received') }),
    inviteSender: (input) => receiver.request('invite', input),
    readInvitation: (input) => receiver.request('readInvitation', input),
    renameSender: (input) => runAction(() => receiver.request('renameSender', input)),
    labelSender: (input) => runAction(() => receiver.request('labelSender', input)),
    revokeSender: (input) => runAction(() => receiver.request('revokeSender', input)),
  } satisfies HandlersOf<typeof receivingContract>
}
