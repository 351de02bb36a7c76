import { Button } from '@mantine/core'
import { useMemo } from 'react'
import {
  describeDiskHealth,
  describeSafety,
  findDisksBelow,
  getHealthCommand,
  nameDevice,
} from '../../../core/agent/parts/disks/disks.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { findDiskFindings, getDiskHealth, listAcceptable } from '../../../core/check/health/disk-health.ts'
import { useCommands } from '../../state/commands.tsx'
import { Copyable } from '../../ui/copyable.tsx'
import { Ago } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { HealthMark } from './health-line.tsx'

type Facts = AppState['disks']['all'][number]

/** The disks of one path, for its row. */
export interface RowDisks {
  /** The findings; null: there are none. */
  finding: string | null
  /** The health of each disk with the disk's name, a line each. */
  lines: string
}

/** Returns a function that describes the disks of a path; a disk may have thousands of paths. */
export function useRowDisks({ disks, settings }: AppState): (id: string) => RowDisks {
  const { t, say } = useWords()
  return useMemo(() => {
    const byPath = new Map<string, RowDisks>()
    for (const facts of disks.all) {
      const health = describeDiskHealth(facts, settings).map(say).join(t('window.list.separator'))
      const hasFinding = findDiskFindings(facts, settings.acceptedDisks).length > 0
      const line = `${nameDevice(facts)}: ${health}`
      for (const id of facts.folders) {
        const { finding = null, lines = '' } = byPath.get(id) ?? {}
        byPath.set(id, {
          finding: hasFinding && finding === null ? t('window.disk.row', { health }) : finding,
          lines: lines === '' ? line : `${lines}\n${line}`,
        })
      }
    }
    const absence = `${t('window.disk.health')}: ${t(getAbsence({ disks, settings }))}`
    return (id) => byPath.get(id) ?? { finding: null, lines: absence }
  }, [disks, settings, t, say])
}

/** True if a disk below a path has a finding. */
export const isDiskAtRisk = (id: string, state: AppState): boolean =>
  findDisksBelow(state, id).some((facts) => findDiskFindings(facts, state.settings.acceptedDisks).length > 0)

/** Shows the health that the disks, arrays and pools of a path report. */
export function DiskHealthPart({ id, state }: { id: string; state: AppState }) {
  const { t } = useWords()
  const disks = findDisksBelow(state, id)
  return (
    <section className="card rows" aria-label={t('window.disk.health')}>
      <h3>{t('window.disk.health')}</h3>
      {disks.length === 0 && <p className="dimmed">{t(getAbsence(state))}</p>}
      {disks.map((facts) => (
        <Disk key={facts.id} facts={facts} state={state} />
      ))}
    </section>
  )
}

function getAbsence({ settings, disks }: Pick<AppState, 'settings' | 'disks'>) {
  if (!settings.check.diskHealth) return 'window.disk.healthOff'
  return disks.at === null ? 'window.disk.healthPending' : 'window.disk.noLocal'
}

function Disk({ facts, state }: { facts: Facts; state: AppState }) {
  const { t, say } = useWords()
  const { run } = useCommands()
  const { settings } = state
  const health = getDiskHealth(facts, settings.acceptedDisks)
  const words = describeDiskHealth(facts, settings).map(say).join(t('window.list.separator'))
  const canAccept = Object.keys(listAcceptable(facts, settings.acceptedDisks)).length > 0
  const command = health === 'unknown' ? getHealthCommand(facts) : null
  return (
    <div className="stack-inner disk-health">
      <div className="card-line spread">
        <span className="health" data-level={health}>
          <HealthMark level={health} />
          <span className="health-word breakable">{words}</span>
        </span>
        {facts.readAt !== null && (
          <span className="dimmed">
            <Ago at={facts.readAt} />
          </span>
        )}
      </div>
      <p className="dimmed breakable selectable">{nameDevice(facts)}</p>
      {health === 'attention' && <p className="breakable">{say(describeSafety(state, facts))}</p>}
      {command !== null && (
        <>
          <p className="dimmed">
            {t(facts.smart === 'no-program' ? 'window.disk.install' : 'window.disk.permit')}
          </p>
          <Copyable text={command} label="window.pair.copy" done="window.pair.copied" />
        </>
      )}
      {canAccept && (
        <>
          <p className="dimmed">{t('window.disk.acceptHint')}</p>
          <div>
            <Button
              size="xs"
              variant="default"
              onClick={() => run('acceptDisk', { id: facts.id }, 'window.disk.accepted')}
            >
              {t('window.disk.accept')}
            </Button>
          </div>
        </>
      )}
    </div>
  )
}
