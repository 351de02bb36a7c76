import { randomUUID } from 'node:crypto'
import { parseWebAddress, withComputer, withoutComputer } from '../../../settings/computers.ts'
import { type HandlersOf, runAction } from '../../answering.ts'
import { type SettingsContext, setterFor } from '../../settings-context.ts'
import { readOverview } from '../computers/connect.ts'
import type { computersContract } from './contract.ts'

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function computersHandlers(context: SettingsContext) {
  return {
    addComputer: ({ address: given, token, certificate, name }) =>
      runAction(async () => {
        const address = parseWebAddress(given)
        const before = context.settings.get().computers.find((one) => one.address === address)
        context.settings.tryWriting()
        const target = { name: name ?? before?.name ?? new URL(address).host, address, certificate, token }
        const overview = await readOverview(target)
        const id = before?.id ?? randomUUID()
        const computer = { id, name: name ?? before?.name ?? overview.computer, address, certificate }
        context.change((settings) => withComputer(settings, computer), { id, values: { token } })
      }),
    removeComputer: ({ id }) => setterFor(context)((settings) => withoutComputer(settings, id)),
  } satisfies HandlersOf<typeof computersContract>
}
