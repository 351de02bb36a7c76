import { errorCode, errorText } from '../../../files/system-error.ts'
import type { FolderDestination } from '../../../settings/destination-schema.ts'
import { message } from '../../../words/message.ts'
import type { Trouble } from '../keep-connected.ts'
import { NotMounted } from './place.ts'

/** The state and the sentence of a folder that cannot be used now, or no longer. */
export function troubleOf(thrown: unknown, { name, path }: FolderDestination): Trouble {
  if (thrown instanceof NotMounted)
    return { state: 'unreachable', problem: message('transfer.notMounted', { name, path }) }
  const reason = errorCode(thrown) ?? errorText(thrown)
  return { state: 'unreachable', problem: message('transfer.folderFailed', { name, path, reason }) }
}
