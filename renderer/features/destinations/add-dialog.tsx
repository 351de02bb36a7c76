import { UnstyledButton } from '@mantine/core'
import { useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { IconChevronRight } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import { DestinationForm } from './destination-form.tsx'
import { addable, kinds } from './kinds.ts'
import { PairForm } from './pair-form.tsx'

interface AddDialogProps {
  opened: boolean
  state: AppState
  onClose: () => void
}

/** A window in the window that adds a destination: its kind is chosen first. */
export function AddDialog({ opened, state, onClose }: AddDialogProps) {
  const { t } = useWords()
  const [kind, setKind] = useState<(typeof addable)[number] | null>(null)
  const close = () => {
    setKind(null)
    onClose()
  }
  const back = () => setKind(null)
  const title = kind === null ? t('window.destinations.addTitle') : t(kinds[kind].word)
  return (
    <FormDialog opened={opened} title={title} onClose={close}>
      {kind === null && <KindList onChoose={setKind} />}
      {kind === 'receiver' && (
        <PairForm isFurther={state.destinations[0]?.kind !== 'embedded'} onBack={back} onDone={close} />
      )}
      {kind !== null && kind !== 'receiver' && (
        <DestinationForm key={kind} kind={kind} known={null} state={state} onBack={back} onDone={close} />
      )}
    </FormDialog>
  )
}

function KindList({ onChoose }: { onChoose: (kind: (typeof addable)[number]) => void }) {
  const { t } = useWords()
  return (
    <ul className="type-list">
      {addable.map((kind) => {
        const { icon: Icon, word, hint } = kinds[kind]
        return (
          <li key={kind}>
            <UnstyledButton className="type-choice kind-choice" onClick={() => onChoose(kind)}>
              <Icon size={20} stroke={1.7} aria-hidden="true" />
              <span className="row-words">
                <span>{t(word)}</span>
                <span className="setting-hint dimmed">{t(hint)}</span>
              </span>
              <IconChevronRight size={16} aria-hidden="true" />
            </UnstyledButton>
          </li>
        )
      })}
    </ul>
  )
}
