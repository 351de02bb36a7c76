import { useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { ChoiceRow } from '../../ui/choice-row.tsx'
import { FormDialog } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'
import { DestinationForm } from './destination-form.tsx'
import { addable, kinds } from './kinds.ts'
import { PairForm } from './pair-form.tsx'

export type Addable = (typeof addable)[number]

interface AddDialogProps {
  opened: boolean
  /** The pairing code of a link that the user followed; null if the dialog was opened here. */
  linked?: string | null
  state: AppState
  onClose: () => void
}

/** Shows a dialog that adds a destination: the kind is chosen first. */
export function AddDialog({ opened, linked = null, state, onClose }: AddDialogProps) {
  const { t } = useWords()
  const [chosen, setKind] = useState<Addable | null>(null)
  // A link must not replace a form that is being filled in.
  const shownLink = chosen === null ? linked : null
  const kind = shownLink === null ? chosen : 'receiver'
  const close = () => {
    setKind(null)
    onClose()
  }
  const back = () => setKind(null)
  const title = kind === null ? t('window.destinations.addTitle') : t(kinds[kind].word)
  return (
    <FormDialog opened={opened} title={title} onClose={close}>
      {kind === null ? (
        <KindList onChoose={setKind} />
      ) : (
        <KindForm
          key={shownLink}
          kind={kind}
          linked={shownLink}
          state={state}
          onBack={shownLink === null ? back : close}
          onDone={close}
        />
      )}
    </FormDialog>
  )
}

interface KindFormProps {
  kind: Addable
  linked?: string | null
  state: AppState
  onBack: () => void
  onDone: () => void
}

/** Shows the form of a kind. `onDone` is called after adding or cancelling. */
export function KindForm({ kind, linked = null, state, onBack, onDone }: KindFormProps) {
  const isFurther = state.destinations[0]?.kind !== 'embedded'
  if (kind === 'receiver')
    return <PairForm linked={linked} isFurther={isFurther} onBack={onBack} onDone={onDone} />
  return <DestinationForm key={kind} kind={kind} known={null} state={state} onBack={onBack} onDone={onDone} />
}

export function KindList({ onChoose }: { onChoose: (kind: Addable) => void }) {
  const { t } = useWords()
  return (
    <ul className="type-list">
      {addable.map((kind) => {
        const { icon, word, hint } = kinds[kind]
        return (
          <ChoiceRow key={kind} icon={icon} title={t(word)} hint={t(hint)} onChoose={() => onChoose(kind)} />
        )
      })}
    </ul>
  )
}
