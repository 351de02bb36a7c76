import os from 'node:os'
import path from 'node:path'
import { ignoreError } from '../../../dropped-errors.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import { idOfPath, withoutChecked } from '../../../settings/changes.ts'
import { checkedPathSchema } from '../../../settings/schema.ts'
import { acceptPath, linkTo, refuseMoved, resolveAbsolute } from '../../accept-path.ts'
import type { Agent } from '../../agent.ts'
import { type HandlersOf, runAction } from '../../answering.ts'
import type { CommandOutput } from '../../contract.ts'
import { type SettingsContext, setterFor } from '../../settings-context.ts'
import { pathIds } from '../../state/next-state.ts'
import type { checksContract } from './contract.ts'

type Services = Pick<Agent, 'checker' | 'receiver' | 'scanner' | 'sentHours' | 'settings' | 'store'>

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function checksHandlers(agent: Services, context: SettingsContext) {
  return {
    addCheckedPath: (input) => runAction(() => addCheckedPath(context, input.path)),
    removeCheckedPath: ({ id }) => setterFor(context)((settings) => withoutChecked(settings, id)),
    browse: ({ path: wanted }) => browse(agent, path.resolve(wanted ?? os.homedir())),
    checkNow: () =>
      runAction(() => {
        // Comparing a large or hung source can take long. Its results appear in the state.
        if (agent.settings.get().sources.length > 0)
          agent.scanner
            .request('reconcile', {})
            .catch(ignoreError('a scanner that starts again compares all'))
        return agent.checker.request('checkNow', {})
      }),
    checkHistory: (input) => agent.checker.request('history', input),
    day: async () => ({
      verdicts: pathIds(agent.store.state).length === 0 ? {} : await agent.checker.request('day', {}),
      sent: agent.sentHours.read(Date.now()),
      received: await readReceived(agent),
    }),
  } satisfies HandlersOf<typeof checksContract>
}

async function addCheckedPath(context: SettingsContext, given: string): Promise<void> {
  const wanted = resolveAbsolute(given)
  const facts = await context.inspect(wanted)
  const { sources, checkedPaths } = context.settings.get()
  refuseMoved(
    checkedPaths.map((one) => ({ ...one, name: one.path })),
    wanted,
    facts.real,
  )
  const real = acceptPath(wanted, facts)
  if ([...sources, ...checkedPaths].some((one) => one.path === real)) {
    throw new UserError('refuse.alreadyChecked', { path: wanted })
  }
  const added = checkedPathSchema.parse({
    ...{ id: idOfPath(real), path: real },
    link: linkTo(real, wanted),
    write: facts.mayWrite,
  })
  context.change((settings) => ({ ...settings, checkedPaths: [...settings.checkedPaths, added] }))
}

/** Returns the files that each sender has sent here by hour. */
async function readReceived({ receiver, store }: Services): Promise<CommandOutput<'day'>['received']> {
  if (store.state.receiving?.isRunning !== true) return {}
  const nothing = ignoreError('a receiver that starts again counts anew', { received: {} })
  return (await receiver.request('day', {}).catch(nothing)).received
}

/** Lists the directories in a directory, which may hang: the checker reads it. */
async function browse({ checker }: Services, directory: string): Promise<CommandOutput<'browse'>> {
  const parent = path.dirname(directory)
  const { names, isCut } = await checker.request('list', { path: directory })
  return { path: directory, parent: parent === directory ? null : parent, names, isCut }
}
