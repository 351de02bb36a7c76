import type { Command } from 'commander'
import { minutesUntilTomorrow } from '../core/agent/state/derived.ts'
import { resolveDataDirectory, withDataDirectory } from './data-directory.ts'
import { parsePause } from './option-words.ts'
import { changeSettings } from './settings-change.ts'
import { translate } from './terminal-words.ts'
import { WrongUsage } from './wrong-usage.ts'

interface PauseOptions {
  data?: string
  for?: number
  untilTomorrow?: boolean
}

/** `holdfast pause` and `holdfast resume`: pause and resume all sending, as the tray's menu does; checks continue. */
export function registerPause(program: Command): void {
  withDataDirectory(
    program
      .command('pause')
      .description('pause sending until it is resumed; checks continue')
      .option('--for <time>', 'for this long: 30m, 2h, at most 7d', parsePause)
      .option('--until-tomorrow', 'until eight in the morning'),
  ).action(pause)
  withDataDirectory(program.command('resume').description('send again')).action(resume)
}

async function pause(options: PauseOptions): Promise<void> {
  if (options.for !== undefined && options.untilTomorrow) throw new WrongUsage('cli.pause.twoEnds')
  const minutes = options.untilTomorrow ? minutesUntilTomorrow(new Date()) : (options.for ?? null)
  const { pause: until } = await changeSettings(resolveDataDirectory(options), () => ({
    command: 'pause',
    input: { minutes },
  }))
  const end = until?.until ?? null
  console.log(
    end === null ? translate('cli.pause.paused') : translate('cli.pause.pausedUntil', { until: end }),
  )
}

async function resume(options: { data?: string }): Promise<void> {
  await changeSettings(resolveDataDirectory(options), () => ({ command: 'resume', input: {} }))
  console.log(translate('cli.pause.resumed'))
}
