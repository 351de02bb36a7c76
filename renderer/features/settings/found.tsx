import { Button, UnstyledButton } from '@mantine/core'
import type { ReactNode } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { keepText } from '../../state/kept-text.ts'
import { IconChevronLeft, IconChevronRight } from '../../ui/icons.ts'
import { RovingList } from '../../ui/roving-list.tsx'
import { useWords } from '../../words/context.tsx'
import { useOpenPage } from '../frame/pages.ts'
import { type EntryId, type SettingId, settingsCatalog, type Target } from './catalog.ts'
import { goTo } from './go-to.ts'

/** Marks a setting of the settings page, so that the search can show it. */
export function Setting({ id, children }: { id: SettingId; children: ReactNode }) {
  return (
    <div className="setting" data-setting={id}>
      {children}
    </div>
  )
}

/** A part of the settings page. */
export function SettingsPart({ title, children }: { title: WordKey; children: ReactNode }) {
  const { t } = useWords()
  return (
    <section className="card settings" aria-label={t(title)}>
      <h2>{t(title)}</h2>
      {children}
    </section>
  )
}

/** Returns the function that goes to a control. `onLeave` is called before. */
export function useGo(onLeave: () => void): (target: Target) => void {
  const openPage = useOpenPage()
  return ({ page, place, steps }) => {
    onLeave()
    openPage(page, place)
    if (steps.length > 0) void goTo(steps)
  }
}

interface FoundListProps {
  search: string
  ids: readonly EntryId[]
  /** The entry whose places are listed; null: the results. */
  chosen: EntryId | null
  onChoose: (id: EntryId | null) => void
  state: AppState
  /** Called before the chosen control is shown. */
  onLeave: () => void
}

/**
 * Lists the results of the search, and last the search for files of that name. Where an entry is in several places, such
 * as directories, these are listed next.
 */
export function FoundList({ search, ids, chosen, onChoose, state, onLeave }: FoundListProps) {
  const { t } = useWords()
  const go = useGo(onLeave)
  const choose = (id: EntryId) => {
    const targets = settingsCatalog.get(id)?.getTargets(state, t) ?? []
    const [only] = targets
    if (targets.length > 1) onChoose(id)
    else if (only !== undefined) go(only)
  }
  const entry = chosen === null ? undefined : settingsCatalog.get(chosen)
  if (entry !== undefined) {
    return (
      <section className="card" aria-label={t(entry.label)}>
        <Button
          variant="subtle"
          size="compact-sm"
          className="found-back"
          leftSection={<IconChevronLeft size={16} />}
          onClick={() => onChoose(null)}
          // The entry that was chosen is gone.
          autoFocus
        >
          {t('settings.search.back')}
        </Button>
        <p className="dimmed">{t('settings.search.where', { setting: withoutDots(t(entry.label)) })}</p>
        <RovingList className="found" entry="li">
          <ul>
            {entry.getTargets(state, t).map((target) => (
              <FoundRow key={target.name} label={target.name ?? ''} onChoose={() => go(target)} />
            ))}
          </ul>
        </RovingList>
      </section>
    )
  }
  return (
    <section className="card" aria-label={t('settings.search.results')}>
      <RovingList className="found" entry="li">
        <ul>
          {ids.map((id) => {
            const { label, under, getTargets } = settingsCatalog.get(id) ?? {}
            if (label === undefined || under === undefined) return null
            const [only, ...others] = getTargets?.(state, t) ?? []
            const [page, ...parts] = under.map((key) => t(key))
            const name = others.length === 0 ? only?.name : null
            const path = [page, name, ...parts].filter((part) => part != null)
            return (
              <FoundRow
                key={id}
                id={id}
                label={withoutDots(t(label))}
                path={path.join(' › ')}
                onChoose={() => choose(id)}
              />
            )
          })}
          <FoundRow
            label={t('settings.search.files', { search })}
            path={t('window.transfers')}
            onChoose={() => {
              keepText('files', search)
              for (const target of settingsCatalog.get('files')?.getTargets(state, t) ?? []) go(target)
            }}
          />
        </ul>
      </RovingList>
    </section>
  )
}

/** An ellipsis announces a dialog; in a list of places it does not. */
const withoutDots = (label: string): string => label.replace(/…$/, '')

interface FoundRowProps {
  id?: EntryId
  label: string
  path?: string
  onChoose: () => void
}

function FoundRow({ id, label, path, onChoose }: FoundRowProps) {
  return (
    <li>
      <UnstyledButton className="found-entry" data-entry={id} onClick={onChoose}>
        <span className="row-words">
          <span className="breakable">{label}</span>
          {path !== undefined && <span className="dimmed breakable">{path}</span>}
        </span>
        <IconChevronRight size={16} aria-hidden="true" />
      </UnstyledButton>
    </li>
  )
}
