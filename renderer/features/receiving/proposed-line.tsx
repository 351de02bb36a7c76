import { Button, Group } from '@mantine/core'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { Ago } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { renderReceived } from '../../words/dictionaries.ts'
import { nameProposed } from '../destinations/proposed-words.ts'

type Proposal = NonNullable<NonNullable<AppState['receiving']>['senders'][number]['proposal']>

interface ProposedLineProps {
  proposal: Proposal
  /** The computer's certificate. */
  fingerprint: string
}

/** Shows the settings that were last proposed to a computer, and its decision. */
export default function ProposedLine({ proposal, fingerprint }: ProposedLineProps) {
  const words = useWords()
  const { t, say } = words
  const { run } = useCommands()
  const { sentence } = proposal
  return (
    <div className="spread">
      <p className="dimmed breakable">
        {t(`window.propose.is.${proposal.state}`, { names: nameProposed(proposal.settings, words) })}{' '}
        <Ago at={proposal.decidedAt ?? proposal.at} isRough />
        {sentence !== null && ` · ${renderReceived({ ...proposal, sentence }, say)}`}
      </p>
      {proposal.state === 'waiting' && (
        <Group>
          <Button
            size="xs"
            variant="default"
            onClick={() =>
              run('withdrawProposals', { fingerprints: [fingerprint] }, 'window.propose.withdrawn')
            }
          >
            {t('window.propose.withdraw')}
          </Button>
        </Group>
      )}
    </div>
  )
}
