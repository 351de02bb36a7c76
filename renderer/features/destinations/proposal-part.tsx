import { Button, Group, Switch } from '@mantine/core'
import { useState } from 'react'
import type { AppState, DestinationState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Ago } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { namesInLine } from '../alerts/incidents.ts'
import { describeChange, nameSetting } from './proposed-words.ts'

/** Settings, and lines of one setting, that are shown at first. */
const FIRST_ROWS = 20

interface ProposalPartProps {
  destination: DestinationState
  proposals: AppState['proposals']
}

/** Shows the settings that a receiver proposes, with the effect of each here, and the decision's buttons. */
export function ProposalPart({ destination: { id, name }, proposals }: ProposalPartProps) {
  const words = useWords()
  const { t } = words
  const { run } = useCommands()
  const [busy, setBusy] = useState(false)
  const [showsAll, setShowsAll] = useState(false)
  const waiting = proposals.find((one) => one.destination === id && one.decision === null)
  if (waiting === undefined) return null
  const { by, at, differences, missing, alsoFor } = waiting
  const decide = async (command: 'acceptProposal' | 'declineProposal') => {
    setBusy(true)
    const done = command === 'acceptProposal' ? 'window.proposal.accepted' : 'window.proposal.declined'
    await run(command, { destination: id, proposal: waiting.id }, done)
    setBusy(false)
  }
  return (
    <section className="proposal" aria-label={t('window.proposal.title', { name })}>
      <h2 className="breakable">{t('window.proposal.title', { name })}</h2>
      <p className="dimmed breakable">
        {t('window.proposal.by', { by })} <Ago at={at} isRough />
      </p>
      <dl>
        {differences.slice(0, showsAll ? undefined : FIRST_ROWS).map(({ source, key, from, to }) => (
          <div key={`${source} ${key}`}>
            <dt className="breakable">
              {nameSetting(key, words)}
              {source !== null && <span className="dimmed"> {source}</span>}
            </dt>
            <ChangeLines lines={describeChange(key, from, to, words)} />
          </div>
        ))}
      </dl>
      {!showsAll && differences.length > FIRST_ROWS && (
        <div>
          <Button size="xs" variant="default" onClick={() => setShowsAll(true)}>
            {t('window.receiving.showAll', { count: differences.length })}
          </Button>
        </div>
      )}
      {missing.length > 0 && (
        <p className="dimmed breakable">
          {t('window.proposal.missing', { names: namesInLine(missing, words) })}
        </p>
      )}
      {alsoFor.length > 0 && (
        <p className="dimmed breakable">
          {t('window.proposal.alsoFor', { names: words.format.list(alsoFor) })}
        </p>
      )}
      <Group justify="flex-end" gap="xs">
        <Button size="xs" variant="default" disabled={busy} onClick={() => void decide('declineProposal')}>
          {t('window.proposal.decline')}
        </Button>
        <Button size="xs" disabled={busy} onClick={() => void decide('acceptProposal')}>
          {t('window.proposal.accept')}
        </Button>
      </Group>
    </section>
  )
}

/** Shows how one setting changes. A setting may have a thousand patterns. */
function ChangeLines({ lines }: { lines: readonly string[] }) {
  const { t } = useWords()
  const [showsAll, setShowsAll] = useState(false)
  return (
    <>
      {lines.slice(0, showsAll ? undefined : FIRST_ROWS).map((line) => (
        <dd key={line} className="breakable selectable">
          {line}
        </dd>
      ))}
      {!showsAll && lines.length > FIRST_ROWS && (
        <dd>
          <Button size="compact-xs" variant="subtle" onClick={() => setShowsAll(true)}>
            {t('window.receiving.showAll', { count: lines.length })}
          </Button>
        </dd>
      )}
    </>
  )
}

interface ConsentDialogProps {
  destination: DestinationState
  /** Proposals of this receiver are accepted without a question. */
  accepts: boolean
  opened: boolean
  onClose: () => void
}

/** Sets whether the proposals of a receiver are accepted without a question. */
export function ConsentDialog({ destination: { id, name }, accepts, opened, onClose }: ConsentDialogProps) {
  const { t } = useWords()
  const { run } = useCommands()
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={t('window.proposal.consentTitle', { name })}
      closeButtonProps={{ 'aria-label': t('window.close') }}
    >
      <p className="dimmed breakable">{t('window.proposal.consentExplain', { name })}</p>
      <Switch
        mt="sm"
        label={t('window.proposal.consent')}
        description={t('window.proposal.consentHint')}
        checked={accepts}
        onChange={(event) => void run('setAcceptProposals', { id, accept: event.currentTarget.checked })}
        labelPosition="left"
        classNames={{ body: 'switch-body' }}
      />
      <Group justify="flex-end" mt="sm">
        <Button onClick={onClose}>{t('window.close')}</Button>
      </Group>
    </Dialog>
  )
}
