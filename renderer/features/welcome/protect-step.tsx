import { type ReactNode, useEffect, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { useIsPage } from '../../state/desktop-only.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { ChoiceRow } from '../../ui/choice-row.tsx'
import { IconDeviceDesktop, IconFolderPlus, IconHeartbeat, IconStack } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import { joinSentences } from '../../words/dictionaries.ts'
import { AddComputer } from '../computers/add-computer.tsx'
import { DoneList } from './done-list.tsx'

interface ProtectStepProps {
  state: AppState
  onBegin: () => void
  nav: ReactNode
}

/** Chooses what to protect: directories, batch directories, or paths that are only checked. */
export function ProtectStep({ state: { settings }, onBegin, nav }: ProtectStepProps) {
  const { t, say } = useWords()
  const isPage = useIsPage()
  const bridge = useBridge()
  const { run, tell } = useCommands()
  const [busy, setBusy] = useState(false)
  const [addingComputer, setAddingComputer] = useState(false)
  // DropZone adds dropped folders; this step only has to stay open.
  useEffect(() => {
    window.addEventListener('drop', onBegin)
    return () => window.removeEventListener('drop', onBegin)
  })
  /** Runs one native dialog at a time. */
  const choose = async (act: () => Promise<unknown>) => {
    if (busy) return
    onBegin()
    setBusy(true)
    await act().catch((error) => tell('refused', sentenceOfThrown(error)))
    setBusy(false)
  }
  const addBatch = async () => {
    const { path } = await bridge.call('choosePath', { what: 'directory' })
    if (path !== null) await run('addSource', { path, kind: 'batch' })
  }
  const hints = [
    ...(settings.destinations.length > 0 ? [] : [message('first.protect.atOnce')]),
    ...(isPage ? [] : [message('first.protect.drop')]),
  ]
  return (
    <>
      <DoneList
        lines={[
          ...settings.sources.map(({ id, name, path }) => ({
            id,
            text: name,
            about: path,
            onRemove: () => void run('removeSource', { id }, 'window.source.removed'),
          })),
          ...settings.checkedPaths.map(({ id, path }) => ({
            id,
            text: path,
            about: t('first.protect.checked'),
            onRemove: () => void run('removeCheckedPath', { id }, 'window.checked.removed'),
          })),
        ]}
      />
      <ul className="card type-list">
        <ChoiceRow
          icon={IconFolderPlus}
          title={t('window.addDirectory')}
          hint={t('first.protect.directory')}
          onChoose={() => choose(() => run('chooseSource', {}))}
        />
        <ChoiceRow
          icon={IconStack}
          title={t('first.protect.batchTitle')}
          hint={t('first.protect.batch')}
          onChoose={() => choose(addBatch)}
        />
        <ChoiceRow
          icon={IconHeartbeat}
          title={t('first.protect.onlyTitle')}
          hint={t('first.protect.only')}
          onChoose={() => choose(() => run('chooseCheckedPath', {}))}
        />
        <ChoiceRow
          icon={IconDeviceDesktop}
          title={t('window.computers.addTitle')}
          hint={t('first.protect.computer')}
          onChoose={() => setAddingComputer(true)}
        />
      </ul>
      {hints.length > 0 && <p className="dimmed setting-hint">{joinSentences(hints, say)}</p>}
      {nav}
      <AddComputer opened={addingComputer} onClose={() => setAddingComputer(false)} />
    </>
  )
}
