import path from 'node:path'
import type { Command } from 'commander'
import { buildDiagnostics } from '../../core/agent/parts/diagnostics/diagnostics.ts'
import type { AppState } from '../../core/agent/state/schema.ts'
import { dropError } from '../../core/dropped-errors.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { toReason } from '../../core/platform/system-error.ts'
import { getDataLayout } from '../../core/settings/data-directory.ts'
import { openSecrets } from '../../core/settings/secrets.ts'
import { inData, refuseMissing, withDataDirectory } from '../ask/data-directory.ts'
import { askState } from '../ask/settings-change.ts'
import { writeGivenFile } from '../terminal/given-file.ts'
import { parsePath } from '../terminal/path-words.ts'
import { translate } from '../terminal/terminal-words.ts'
import { version } from '../version.ts'

/** `holdfast diagnostics FILE`: writes a support archive without secrets. */
export function registerDiagnostics(program: Command): void {
  const command = program
    .command('diagnostics')
    .description(
      'write a zip file for support: versions, settings, status, failures and logs, without secrets, but with names of files and folders',
    )
    .argument('<file>', 'the file to write, such as holdfast.zip', parsePath)
  withDataDirectory(command).action(inData(write))
}

async function write(data: string, given: string): Promise<void> {
  const file = path.resolve(given)
  refuseMissing(data)
  const secrets = openSecrets(data, null).get()
  const zip = await buildDiagnostics({
    layout: getDataLayout(data),
    state: await readState(data),
    secrets,
    version,
  })
  try {
    await writeGivenFile(file, zip)
  } catch (thrown) {
    throw new UserError('diagnostics.cannotWrite', { file, reason: toReason(thrown) }, { cause: thrown })
  }
  console.log(translate('diagnostics.written', { file }))
}

/** Returns the agent's state; null if no agent answers. */
async function readState(data: string): Promise<AppState | null> {
  try {
    return await askState(data)
  } catch (error) {
    return dropError(
      error,
      'no agent runs, or it does not answer; the logs are written without its state',
      null,
    )
  }
}
