import { Button, Skeleton, Stack } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import type { CommandOutput } from '../../../core/agent/contract.ts'
import { useBridge } from '../../state/bridge.tsx'
import { usePages } from '../../state/pages.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { SearchField } from '../../ui/search-field.tsx'
import { At } from '../../ui/times.tsx'
import { withKeys } from '../../ui/with-keys.ts'
import { useWords } from '../../words/context.tsx'
import { DifferenceRow } from './difference-row.tsx'

type Change = CommandOutput<'changes'>['entries'][number]

/** Delay after a keystroke before the changes are queried, in milliseconds. */
const typingMs = 300
const everyMs = 2_000

/** Shows who changed what, newest first, page by page. */
export default function ChangesDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useWords()
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={t('change.title')}
      closeButtonProps={{ 'aria-label': t('window.close') }}
    >
      <Changes />
    </Dialog>
  )
}

function Changes() {
  const { t, say } = useWords()
  const bridge = useBridge()
  const [typed, setTyped] = useState('')
  const [text] = useDebouncedValue(typed.trim(), typingMs)
  const { entries, failure, older } = usePages(text, { everyMs }, (before: number | null, most) =>
    bridge.call('changes', { before, most, since: null, text }),
  )
  return (
    <Stack gap="sm">
      <SearchField label="change.search" text={typed} onText={setTyped} />
      {failure !== null && <p className="card-problem breakable">{say(failure)}</p>}
      {entries === null && failure === null && <Skeleton height={160} animate={false} />}
      {entries?.length === 0 && (
        <p className="dimmed">{t(text === '' ? 'change.none' : 'change.nothingFits')}</p>
      )}
      <ul>
        {entries?.map((change) => (
          <ChangeRow key={change.id} change={change} />
        ))}
      </ul>
      {older !== null && (
        <Button size="xs" variant="default" onClick={older}>
          {t('window.timeline.older')}
        </Button>
      )}
    </Stack>
  )
}

function ChangeRow({ change: { at, by, sentence, differences, more } }: { change: Change }) {
  const { t, say } = useWords()
  return (
    <li className="change">
      <p className="breakable selectable">{say(sentence)}</p>
      <p className="dimmed breakable">
        <At at={at} isExact /> · {t(`change.by.${by.via}`, { name: by.name })}
      </p>
      <ul className="differences">
        {withKeys(differences, ({ kind, name }) => `${kind} ${name}`).map(({ key, item }) => (
          <DifferenceRow key={key} difference={item} other="change.other" />
        ))}
      </ul>
      {more > 0 && <p className="dimmed">{t('change.more', { count: more })}</p>}
    </li>
  )
}
