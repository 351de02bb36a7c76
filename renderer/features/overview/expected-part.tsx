import { ActionIcon } from '@mantine/core'
import { useState } from 'react'
import type { SourceState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { useNow } from '../../state/now.ts'
import { AddButton } from '../../ui/add-button.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { IconPencil, IconTrash } from '../../ui/icons.ts'
import { useWords, type Words } from '../../words/context.tsx'
import type { Rule } from './expected-draft.ts'
import { ExpectedForm } from './expected-form.tsx'

/** Describes when a file should come. */
function describeRule(
  { everyMinutes, withinMinutes, minimumBytes, zone }: Rule,
  { t, format }: Words,
): string {
  const every = format.duration(everyMinutes * 60_000)
  const within = format.duration(withinMinutes * 60_000)
  return [
    t('window.expected.rule', { every, within }),
    ...(minimumBytes === 0 ? [] : [t('window.expected.atLeast', { size: minimumBytes })]),
    ...(zone === null ? [] : [zone]),
  ].join(' · ')
}

/** Names the file that is due next. */
function NextFile({ next }: { next: { path: string; due: number } | undefined }) {
  const { t, format } = useWords()
  const now = useNow()
  if (next === undefined) return null
  return (
    <span className="dimmed breakable">
      {t('window.expected.nextName', { path: next.path, at: format.moment(next.due, now) })}
    </span>
  )
}

/** Sets which files should come regularly: a missing one is an incident. */
export function ExpectedPart({ source: { settings, scanned } }: { source: SourceState }) {
  const words = useWords()
  const { t } = words
  const { ask, run } = useCommands()
  /** The rule in the form; new: none yet; null: the form is closed. */
  const [edited, setEdited] = useState<{ before: Rule | null } | null>(null)
  const { id, expected } = settings
  const withoutRule = (rule: Rule | null) => expected.filter((one) => one.pattern !== rule?.pattern)
  const findNext = ({ pattern }: Rule) => scanned?.expected?.find((one) => one.pattern === pattern)?.next
  const save = (rules: Rule[]) => ask('changeSource', { id, changes: { expected: rules } })
  return (
    <section className="card" aria-label={t('window.expected.title')}>
      <h3>{t('window.expected.title')}</h3>
      <p className="dimmed">{t('window.expected.hint')}</p>
      {expected.map((rule) => (
        <div key={rule.pattern} className="row spread">
          <span className="row-words">
            <span className="breakable">{rule.pattern}</span>
            <span className="dimmed">{describeRule(rule, words)}</span>
            <NextFile next={findNext(rule)} />
          </span>
          <span className="rule-actions">
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={t('window.expected.change', { pattern: rule.pattern })}
              onClick={() => setEdited({ before: rule })}
            >
              <IconPencil size={16} />
            </ActionIcon>
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={t('window.expected.remove', { pattern: rule.pattern })}
              onClick={() => void run('changeSource', { id, changes: { expected: withoutRule(rule) } })}
            >
              <IconTrash size={16} />
            </ActionIcon>
          </span>
        </div>
      ))}
      <AddButton label="window.expected.add" onClick={() => setEdited({ before: null })} />
      <FormDialog opened={edited !== null} title={t('window.expected.title')} onClose={() => setEdited(null)}>
        {edited !== null && (
          <ExpectedForm
            id={id}
            before={edited.before}
            save={(rule) => save([...withoutRule(edited.before), rule])}
            onDone={() => setEdited(null)}
          />
        )}
      </FormDialog>
    </section>
  )
}
