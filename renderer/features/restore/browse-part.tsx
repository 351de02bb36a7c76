import { Button, TextInput, UnstyledButton } from '@mantine/core'
import { Fragment, useState } from 'react'
import type { AppState, DestinationState } from '../../../core/agent/state/schema.ts'
import { IconSearch } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import { buildCrumbs, type Computer, type Spot, TOP } from './browse.ts'
import { ListingPart } from './listing-part.tsx'
import { type Chosen, RestoreDialog } from './restore-dialog.tsx'

interface BrowsePartProps {
  destination: DestinationState
  /** The other computer whose files are shown; null for this one. */
  computer: Computer | null
  /** The source whose folder is shown first. */
  source: string | null
  state: AppState
}

/** Browses the files at a destination by directory, or searches them by name. */
export function BrowsePart({ destination, computer, source, state }: BrowsePartProps) {
  const { t } = useWords()
  const [spot, setSpot] = useState<Spot | null>(source === null ? TOP : null)
  const [typed, setTyped] = useState('')
  const [search, setSearch] = useState('')
  const [chosen, setChosen] = useState<Chosen | null>(null)
  const [isEmpty, setEmpty] = useState(false)
  const at = spot ?? TOP
  const go = (wanted: Spot) => {
    setSpot(wanted)
    setTyped('')
    setSearch('')
  }
  const busy = state.restore?.phase === 'running'
  const ask = (
    <RestoreDialog
      destination={destination}
      computer={computer}
      chosen={chosen}
      settings={state.settings}
      onClose={() => setChosen(null)}
    />
  )
  const restore = (
    <Button
      size="xs"
      disabled={busy || (isEmpty && search === '')}
      onClick={() => setChosen({ spot: at, version: null, isFile: false })}
    >
      {t(at.folder === null ? 'window.restore.all' : 'window.restore.thisDirectory')}
    </Button>
  )
  // Encrypted names cannot be browsed: no single files can be selected.
  if (computer?.hidesNames === true)
    return (
      <>
        <p className="dimmed">{t('window.restore.hiddenNames')}</p>
        <div>{restore}</div>
        {ask}
      </>
    )
  return (
    <>
      <form
        className="with-button"
        onSubmit={(event) => {
          event.preventDefault()
          setSearch(typed.trim())
        }}
      >
        <TextInput
          aria-label={t('window.restore.search')}
          placeholder={t('window.restore.search')}
          leftSection={<IconSearch size={16} />}
          value={typed}
          maxLength={1000}
          spellCheck={false}
          onChange={(event) => {
            setTyped(event.currentTarget.value)
            if (event.currentTarget.value === '') setSearch('')
          }}
        />
        <Button type="submit" variant="default" disabled={typed.trim() === ''}>
          {t('window.restore.find')}
        </Button>
      </form>
      <div className="spread">
        <Crumbs spot={at} onGo={go} />
        {restore}
      </div>
      <ListingPart
        key={JSON.stringify([at, search])}
        wish={{ destination: destination.id, computer: computer?.folder ?? null, spot: at, search }}
        wantedSource={spot === null ? source : null}
        isRestoring={busy}
        onLooked={setEmpty}
        onGo={go}
        onChoose={setChosen}
      />
      {ask}
    </>
  )
}

function Crumbs({ spot, onGo }: { spot: Spot; onGo: (spot: Spot) => void }) {
  const { t } = useWords()
  const crumbs = [{ ...TOP, name: t('window.restore.folders') }, ...buildCrumbs(spot)]
  return (
    <nav className="crumbs" aria-label={t('window.restore.where')}>
      {crumbs.map(({ name, ...to }, index) => (
        <Fragment key={JSON.stringify(to)}>
          {index > 0 && <span className="dimmed">/</span>}
          {index === crumbs.length - 1 ? (
            <span className="breakable" aria-current="location">
              {name}
            </span>
          ) : (
            <UnstyledButton className="crumb breakable" onClick={() => onGo(to)}>
              {name}
            </UnstyledButton>
          )}
        </Fragment>
      ))}
    </nav>
  )
}
