import { Button, Group, Radio, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useEffect, useState } from 'react'
import type { CommandInput } from '../../../core/agent/contract.ts'
import { RESTORE_NOTICE } from '../../../core/agent/state/derived.ts'
import type { AppState, DestinationState } from '../../../core/agent/state/schema.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { FormDialog, useHold } from '../../ui/form-dialog.tsx'
import { FormFoot } from '../../ui/form-foot.tsx'
import { At } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { PathButton } from '../destinations/path-button.tsx'
import { destinationName } from '../overview/describe.ts'
import {
  besidePath,
  type Computer,
  type Folder,
  formatComputer,
  isEncryptedAt,
  joinPath,
  type Spot,
  type Version,
} from './browse.ts'
import { RestoreProgress } from './restore-progress.tsx'

/** The place, version and time to restore. */
export interface Chosen {
  spot: Spot
  /** An older version of a file; null for the newest. */
  version: Version | null
  /** The state at this time, in milliseconds since 1970; null: the current state. */
  at: number | null
  missingOnly: boolean
  /** Only files whose path contains this; '': all. */
  text: string
  /** It is a file, and another one is at its place on this computer. */
  isThere: boolean
}

interface RestoreDialogProps {
  destination: DestinationState
  /** The computer whose files are restored; null for this one. */
  computer: Computer | null
  /** null while the dialog is closed. */
  chosen: Chosen | null
  /** The computer's folders at the destination; null: not known. */
  folders: readonly Folder[] | null
  state: AppState
  onClose: () => void
}

/** Asks where to restore, then shows the progress and the result. */
export function RestoreDialog(props: RestoreDialogProps) {
  const { chosen, state, onClose } = props
  const { t } = useWords()
  const [startedAfter, setStartedAfter] = useState<number | null>(null)
  const { run } = useCommands()
  const { restore } = state
  const hasStarted = startedAfter !== null && restore !== null && restore.startedAt >= startedAfter
  const close = () => {
    setStartedAfter(null)
    onClose()
    // The result was shown here. Files that were not restored remain to be decided, on the page.
    const isAll = hasStarted && restore.phase === 'done' && restore.kept + restore.failed === 0
    if (isAll) void run('dismissNotice', { id: RESTORE_NOTICE })
  }
  return (
    <FormDialog opened={chosen !== null} title={t('window.restore.dialogTitle')} onClose={close}>
      {chosen !== null && hasStarted && (
        <Stack gap="sm">
          <RestoreProgress restore={restore} destinations={state.destinations} />
          <Group justify="flex-end">
            <Button variant="default" onClick={close} data-autofocus>
              {t('window.close')}
            </Button>
          </Group>
        </Stack>
      )}
      {chosen !== null && !hasStarted && (
        <RestoreForm {...props} chosen={chosen} onClose={close} onStart={() => setStartedAfter(Date.now())} />
      )}
    </FormDialog>
  )
}

interface RestoreFormProps extends RestoreDialogProps {
  chosen: Chosen
  /** Called before a restore is started. */
  onStart: () => void
}

/** The form's input. */
interface Draft {
  where: 'inPlace' | 'elsewhere'
  /** For a file at the place of the restored one. */
  conflict: 'keepBoth' | 'replace'
  to: string
  identity: string
}

function RestoreForm({ destination, computer, chosen, folders, state, onClose, onStart }: RestoreFormProps) {
  const { t } = useWords()
  const { ask } = useCommands()
  const bridge = useBridge()
  const isEncrypted = isEncryptedAt(destination, computer, state.settings)
  const place = findPlace(chosen.spot, computer === null ? folders : [], state)
  const [draft, setDraft] = useState<Draft>({
    where: place === null ? 'elsewhere' : 'inPlace',
    conflict: 'keepBoth',
    to: '',
    identity: '',
  })
  const change = (changes: Partial<Draft>) => setDraft((now) => ({ ...now, ...changes }))
  const [proposed, setProposed] = useState('')
  // Propose a new directory.
  useEffect(() => {
    bridge.call('restoreDirectory', {}).then(
      ({ path }) => {
        setProposed(path)
        setDraft((now) => (now.to === '' ? { ...now, to: path } : now))
      },
      () => undefined,
    )
  }, [bridge])
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  const [tried, setTried] = useState(false)
  useHold(draft.to !== proposed || draft.identity !== '', busy)
  const isReplaced = asksAbout(draft, chosen) && draft.conflict === 'replace'
  const wish = buildCommand(draft, { destination, computer, chosen, isEncrypted })

  const start = async (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (busy || wish === null) return
    setBusy(true)
    onStart()
    const outcome = await ask('restoreStart', wish)
    setBusy(false)
    if (!outcome.done) setRefusal(outcome.sentence)
  }

  return (
    <form onSubmit={start} noValidate>
      <Stack gap="sm">
        <What
          destination={destination}
          computer={computer}
          chosen={chosen}
          missing={countMissing(destination, chosen, folders, state)}
        />
        <Where draft={draft} place={place} chosen={chosen} tried={tried} onChange={change} />
        {isEncrypted && (
          <TextInput
            type="password"
            autoComplete="off"
            label={t('window.restore.identity')}
            description={t('window.restore.identityHint')}
            placeholder="AGE-SECRET-KEY-1…"
            value={draft.identity}
            maxLength={200}
            spellCheck={false}
            onChange={(event) => change({ identity: event.currentTarget.value })}
            error={tried && draft.identity.trim() === '' ? t('window.channel.missing') : null}
          />
        )}
        <FormFoot
          refusal={refusal}
          busy={busy}
          action={t(
            isReplaced
              ? 'window.restore.replace'
              : draft.where === 'inPlace'
                ? 'window.restore.putBack'
                : 'window.restore.start',
          )}
          isDangerous={isReplaced}
          isFirst
          onCancel={onClose}
        />
      </Stack>
    </form>
  )
}

/**
 * Returns where a chosen file or directory was on this computer; several: all sources, or not known yet. null: the folder has no source
 * here, so it can only be restored elsewhere.
 */
function findPlace(
  { folder, path }: Spot,
  folders: readonly Folder[] | null,
  { sources }: Pick<AppState, 'sources'>,
): string | 'several' | null {
  // The agent finds it out.
  if (folders === null) return 'several'
  const chosen = folders.filter((one) => folder === null || one.name === folder)
  const roots = chosen.map(
    ({ source }) => sources.find(({ settings }) => settings.id === source)?.settings.path,
  )
  const known = roots.filter((root) => root !== undefined)
  const [first] = known
  if (first === undefined || known.length < roots.length) return null
  return known.length > 1 ? 'several' : joinPath(first, path)
}

/** True if the user decides about the file that is at the place of the restored one. */
const asksAbout = ({ where }: Draft, { isThere }: Chosen): boolean => where === 'inPlace' && isThere

/** Builds the command for the agent; null if a field is missing or invalid. */
function buildCommand(
  draft: Draft,
  {
    destination,
    computer,
    chosen,
    isEncrypted,
  }: Pick<RestoreFormProps, 'destination' | 'computer' | 'chosen'> & { isEncrypted: boolean },
): CommandInput<'restoreStart'> | null {
  const { where, conflict, to, identity } = draft
  const { spot, version, at, missingOnly, text } = chosen
  const key = identity.trim()
  if ((where === 'elsewhere' && to.trim() === '') || (isEncrypted && key === '')) return null
  return {
    destination: destination.id,
    computer: computer?.folder ?? null,
    folder: spot.folder,
    path: spot.path === '' ? null : spot.path,
    version: version?.version ?? null,
    at: version === null ? at : null,
    missingOnly,
    ...(text === '' ? {} : { text }),
    to: where === 'inPlace' ? null : to.trim(),
    ...(asksAbout(draft, chosen) ? { conflict } : {}),
    ...(key === '' ? {} : { identity: key }),
  }
}

interface WhereProps {
  draft: Draft
  /** See findPlace. */
  place: string | 'several' | null
  chosen: Chosen
  /** The user tried to submit: missing fields are marked. */
  tried: boolean
  onChange: (changes: Partial<Draft>) => void
}

/** Selects the target, and shows the resulting path. */
function Where({ draft, place, chosen, tried, onChange }: WhereProps) {
  const { t, say } = useWords()
  const { where, conflict, to } = draft
  const { spot } = chosen
  const isAsked = asksAbout(draft, chosen)
  const name = (spot.path === '' ? spot.folder : spot.path)?.split('/').at(-1) ?? ''
  const result =
    where === 'elsewhere'
      ? message('window.restore.becomes', { path: joinPath(to.trim(), name) })
      : place === 'several'
        ? message('window.restore.becomesSeveral')
        : message('window.restore.becomes', {
            path: isAsked && conflict === 'keepBoth' ? besidePath(place ?? '') : (place ?? ''),
          })
  return (
    <>
      <Radio.Group
        label={t('window.restore.whereTo')}
        value={where}
        onChange={(value) => onChange({ where: value === 'inPlace' ? 'inPlace' : 'elsewhere' })}
      >
        <Stack gap={6} mt={4}>
          <Radio
            value="inPlace"
            label={t('window.restore.inPlace')}
            description={place === null ? t('window.restore.noPlace') : undefined}
            disabled={place === null}
          />
          <Radio value="elsewhere" label={t('window.restore.elsewhere')} />
        </Stack>
      </Radio.Group>
      {where === 'elsewhere' && (
        <div className="with-button">
          <TextInput
            label={t('window.restore.to')}
            description={t('window.restore.toHint')}
            value={to}
            maxLength={4096}
            spellCheck={false}
            onChange={(event) => onChange({ to: event.currentTarget.value })}
            error={tried && to.trim() === '' ? t('window.channel.missing') : null}
          />
          <PathButton what="directory" onChoose={(path) => onChange({ to: path })} />
        </div>
      )}
      {isAsked && (
        <Radio.Group
          label={t('window.restore.isThere')}
          value={conflict}
          onChange={(value) => onChange({ conflict: value === 'replace' ? 'replace' : 'keepBoth' })}
        >
          <Stack gap={6} mt={4}>
            <Radio value="keepBoth" label={t('window.restore.keepBoth')} />
            <Radio
              value="replace"
              label={t('window.restore.replace')}
              description={t('window.restore.replaceLost')}
            />
          </Stack>
        </Radio.Group>
      )}
      <p className="restore-becomes breakable selectable">{say(result)}</p>
      {!isAsked && !chosen.missingOnly && (
        <p className="setting-hint dimmed">{t('window.restore.staysHint')}</p>
      )}
    </>
  )
}

/** Counts the files of a whole folder that are missing here; null: not known. */
function countMissing(
  destination: DestinationState,
  { spot, at, missingOnly, text }: Chosen,
  folders: readonly Folder[] | null,
  { sources }: Pick<AppState, 'sources'>,
): { count: number; bytes: number } | null {
  if (!missingOnly || at !== null || spot.path !== '' || text !== '') return null
  const id = folders?.find(({ name }) => name === spot.folder)?.source
  const source = sources.find(({ settings }) => settings.id === id)
  const totals = source?.destinations.find((one) => one.id === destination.id)?.totals
  if (totals === undefined) return null
  return {
    count: totals.deletedFiles + totals.removedFiles,
    bytes: totals.deletedBytes + totals.removedBytes,
  }
}

interface WhatProps extends Pick<RestoreFormProps, 'destination' | 'computer' | 'chosen'> {
  missing: ReturnType<typeof countMissing>
}

function What({
  destination,
  computer,
  chosen: { spot, version, at, missingOnly, text },
  missing,
}: WhatProps) {
  const { t, format } = useWords()
  const from = destinationName(destination, t)
  const what = [spot.folder, spot.path].filter((part) => part !== null && part !== '').join('/')
  return (
    <Text size="sm" className="breakable">
      {spot.folder === null &&
        computer !== null &&
        t('window.restore.whatAllOf', { from, computer: formatComputer(computer) })}
      {spot.folder === null
        ? computer === null && t('window.restore.whatAll', { from })
        : t('window.restore.whatIs', { what, from })}
      {text !== '' && ` ${t('window.restore.whatFound', { text })}`}
      {missingOnly && ` ${t('window.restore.whatMissing')}`}
      {missing !== null &&
        ` ${t('window.restore.missingCount', { count: missing.count, size: format.bytes(missing.bytes) })}`}
      <span className="dimmed">
        {version !== null && (
          <>
            {' '}
            {t('window.restore.storedAt')} <At at={version.storedAt} isExact />
          </>
        )}
        {at !== null && ` ${t('window.restore.whatAt', { time: format.fullMoment(at) })}`}
      </span>
    </Text>
  )
}
