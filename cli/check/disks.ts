import type { Command } from 'commander'
import { sendCommand } from '../../core/agent/control-socket.ts'
import {
  describeDiskHealth,
  describeSafety,
  getHealthCommand,
  nameDevice,
} from '../../core/agent/parts/disks/disks.ts'
import type { AppState } from '../../core/agent/state/schema.ts'
import { findDiskFindings, getDiskHealth, listAcceptable } from '../../core/check/health/disk-health.ts'
import { inData, withDataDirectory } from '../ask/data-directory.ts'
import { askState, changeSettings } from '../ask/settings-change.ts'
import { tableLines } from '../terminal/columns.ts'
import { jsonText } from '../terminal/json.ts'
import { quoteControls } from '../terminal/quote-controls.ts'
import { listed, terminalWords, translate } from '../terminal/terminal-words.ts'

interface DisksOptions {
  json?: boolean
  on?: boolean
  off?: boolean
}

/** `holdfast disks`: prints the health of the disks below the paths, and accepts findings. */
export function registerDisks(program: Command): void {
  const command = program
    .command('disks')
    .description(
      'show the health of the disks, arrays and pools below the protected and checked paths; exit code 0: no finding, 1: a disk reports damage, 3: no agent runs',
    )
    .option('--on', 'read the health of disks every half hour (default)')
    .option('--off', 'do not read it')
    .option('--json', 'print the disks as JSON; times in milliseconds since 1970')
  withDataDirectory(command).action(inData(show))
  withDataDirectory(
    command
      .command('accept')
      .description('accept the present values of a disk: it is reported again once one is worse')
      .argument('<disk>', 'name or id of the disk, as `holdfast disks` lists it'),
  ).action(
    inData(async (directory, disk: string) => {
      await sendCommand(directory, 'acceptDisk', { id: disk })
      console.log(translate('cli.disks.accepted', { name: disk }))
    }),
  )
}

async function show(
  directory: string,
  { json = false, on = false, off = false }: DisksOptions,
): Promise<void> {
  if (on || off) {
    await changeSettings(directory, () => ({
      command: 'changeSettings',
      input: { check: { diskHealth: on } },
    }))
    console.log(translate(on ? 'cli.disks.switchedOn' : 'cli.disks.switchedOff'))
    return
  }
  const state = await askState(directory)
  const accepted = state.settings.acceptedDisks
  console.log(json ? jsonText(toJson(state), 2) : describeDisks(state).join('\n'))
  const hasFinding = state.disks.all.some((one) => getDiskHealth(one, accepted) === 'attention')
  process.exitCode = hasFinding ? 1 : 0
}

function toJson(state: AppState) {
  const { disks, settings } = state
  return {
    on: settings.check.diskHealth,
    readAt: disks.at,
    disks: disks.all.map((facts) => ({
      ...facts,
      health: getDiskHealth(facts, settings.acceptedDisks),
      findings: findDiskFindings(facts, settings.acceptedDisks),
      accepted: settings.acceptedDisks[facts.id] ?? {},
      paths: getPaths(state, facts.folders),
      safety: terminalWords(describeSafety(state, facts)),
    })),
  }
}

function getPaths({ sources, checkedPaths, destinations }: AppState, ids: readonly string[]): string[] {
  const paths = [
    ...sources.map(({ settings }) => ({ id: settings.id, path: settings.path })),
    ...checkedPaths,
    ...destinations.map(({ id, address }) => ({ id, path: address })),
  ]
  return paths.filter(({ id }) => ids.includes(id)).map(({ path }) => path)
}

function describeDisks(state: AppState): string[] {
  const { disks, settings } = state
  if (!settings.check.diskHealth) return [translate('cli.disks.off')]
  if (disks.at === null) return [translate('cli.disks.pending')]
  if (disks.all.length === 0) return [translate('cli.disks.none')]
  const head = (['disk', 'device', 'health', 'folders'] as const).map((name) =>
    translate(`cli.disks.${name}`),
  )
  const rows = disks.all.map((facts) => [
    quoteControls(facts.name),
    quoteControls(nameDevice(facts)),
    listed(describeDiskHealth(facts, settings).map(terminalWords)),
    listed(getPaths(state, facts.folders).map(quoteControls)),
  ])
  const notes = disks.all.flatMap((facts) => {
    const command = getHealthCommand(facts)
    if (command !== null) return command.split('\n')
    if (getDiskHealth(facts, settings.acceptedDisks) !== 'attention') return []
    const canAccept = Object.keys(listAcceptable(facts, settings.acceptedDisks)).length > 0
    return [
      `${quoteControls(facts.name)}: ${terminalWords(describeSafety(state, facts))}`,
      ...(canAccept ? [translate('cli.disks.acceptHint', { name: facts.name })] : []),
    ]
  })
  return [...tableLines([head, ...rows]), ...new Set(notes)]
}
