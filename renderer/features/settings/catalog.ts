import type { AppState } from '../../../core/agent/state/schema.ts'
import { catalog, channelTypes } from '../../../core/alerts/channels/catalog.ts'
import { EVERYTHING } from '../../../core/alerts/kinds.ts'
import { temporaryNames } from '../../../core/filter/temporary.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import {
  isSettingKey,
  type PlainSetting,
  plainSettings,
  type Section,
  type SettingKey,
  sections,
  settingKeys,
  units,
} from '../../../core/settings/catalog.ts'
import type { Words } from '../../words/context.tsx'
import { type AddableKind, addable, getFieldWords, kinds } from '../destinations/kinds.ts'
import type { Page, SettingPlace } from '../frame/pages.ts'
import type { Step } from './go-to.ts'

/** A way to a control. */
export interface Target {
  /** The directory, destination or channel that it belongs to; null if there is only one control. */
  name: string | null
  page: Page
  place?: SettingPlace
  /** Controls to press on the page, by their names; the last one is focused instead. */
  steps: readonly Step[]
}

export interface Entry {
  label: WordKey
  /** The pages and parts that contain the control, the outermost first. */
  under: readonly WordKey[]
  /** Beginnings of the keys of its texts, besides the label's: hints, values, units. */
  texts?: readonly string[]
  /** Texts that are the same in every language, such as names in the settings file. */
  values?: readonly string[]
  /** Its keys in the settings file, and their names. */
  settings?: Readonly<Record<string, WordKey>>
  /** A page in a browser does not have it. */
  isOfDesktop?: true
  getTargets: (state: AppState, t: Words['t']) => Target[]
}

const at = (t: Words['t'], keys: readonly WordKey[], within?: string): Step[] =>
  keys.map((key) => ({ name: t(key), ...(within === undefined ? {} : { within }) }))

/** A control of any page, by the names of the controls that lead to it. */
const onPage =
  (page: Page, ...keys: WordKey[]): Entry['getTargets'] =>
  (_state, t) => [{ name: null, page, steps: at(t, keys) }]

const addDirectory = onPage('overview', 'window.back', 'window.addDirectory')

/** A control of a directory's details or menu. Without a directory, the button that adds one. */
const inSource =
  (open: 'details' | 'menu', ...keys: WordKey[]): Entry['getTargets'] =>
  (state, t) =>
    state.sources.length === 0
      ? addDirectory(state, t)
      : state.sources.map(({ settings: { name } }) => ({
          name,
          page: 'overview',
          steps: [
            ...at(t, ['window.back']),
            { name: t(`window.source.${open === 'details' ? 'open' : 'actions'}`, { name }), within: name },
            ...at(t, keys, name),
          ],
        }))

const RULES = 'window.details.part.rules'
const FILTERS = [RULES, 'window.filters.change'] as const
const underRules: readonly WordKey[] = ['window.overview', RULES]
const underSource: readonly WordKey[] = ['window.overview']

/** A control of the form that adds a destination of this kind. */
const adding = (kind: AddableKind, t: Words['t'], ...keys: WordKey[]): Target => ({
  name: t(kinds[kind].word),
  page: 'destinations',
  steps: [
    ...at(t, ['window.back', 'window.destinations.addTitle']),
    // The choice of the kind contains its explanation.
    { name: `${t(kinds[kind].word)}${t(kinds[kind].hint)}` },
    ...at(t, keys),
  ],
})

type DestinationKind = AppState['destinations'][number]['kind']

/** An item of a destination's menu, or a control behind it. Without a destination, the forms that add one. */
const atDestination =
  (isRight: (kind: DestinationKind) => boolean, getKeys: (kind: DestinationKind) => readonly WordKey[]) =>
  (state: AppState, t: Words['t']): Target[] => {
    const right = state.destinations.filter(({ kind }) => kind !== 'embedded' && isRight(kind))
    if (right.length === 0) return addable.filter(isRight).map((kind) => adding(kind, t, firstControl(kind)))
    return right.map(({ name, kind }) => ({
      name,
      page: 'destinations',
      steps: [
        ...at(t, ['window.back']),
        { name: t('window.source.actions', { name }), within: name },
        ...at(t, getKeys(kind), name),
      ],
    }))
  }

const underDestinations: readonly WordKey[] = ['window.destinations']
const underAdding: readonly WordKey[] = ['window.destinations', 'window.destinations.addTitle']
const firstField = (kind: AddableKind): WordKey => getFieldWords(kind)[0] ?? 'window.destinations.field.name'
/** The control that an added destination begins with: a receiver is paired. */
const firstControl = (kind: AddableKind): WordKey =>
  kind === 'receiver' ? 'window.pair.code' : firstField(kind)

const buildKind = (kind: AddableKind): Entry => ({
  label: kinds[kind].word,
  under: underAdding,
  texts: kind === 'receiver' ? ['window.pair.code'] : getFieldWords(kind),
  getTargets: (_state, t) => [{ ...adding(kind, t, firstControl(kind)), name: null }],
})

/** A field of the form for receiving: its switch opens the form while receiving is off. */
const inReceiving =
  (...keys: WordKey[]): Entry['getTargets'] =>
  (state, t) =>
    onPage(
      'destinations',
      'window.back',
      state.receiving === null ? 'window.receiving.title' : 'window.receiving.edit',
      ...keys,
    )(state, t)
const underReceiving: readonly WordKey[] = ['window.destinations', 'window.receiving.title']
/** A control of the list of stations, which is on the overview once receiving is on. */
const inStations =
  (key: WordKey): Entry['getTargets'] =>
  (state, t) =>
    (state.receiving === null ? inReceiving() : onPage('overview', 'window.back', key))(state, t)
const underStations: readonly WordKey[] = ['window.overview']

/** An element of the settings page with this id (`Setting` in found.tsx). */
const setting =
  (id: string): Entry['getTargets'] =>
  () => [{ name: null, page: 'settings', place: { kind: 'setting', id }, steps: [] }]

const notifications = { page: 'settings', place: { kind: 'setting', id: 'settings.notifications' } } as const

/** Parts of the Settings page, besides single settings of the table, and the section of each. */
const ownSettings = {
  channels: {
    label: 'window.channel.title',
    under: ['settings.notifications'],
    texts: ['window.channel.'],
    covers: ['notifications'],
  },
  reports: {
    label: 'settings.report.title',
    under: ['settings.reporting'],
    texts: ['settings.report.'],
    settings: { 'report.every': 'settings.report.every', 'report.channels': 'settings.report.channels' },
  },
  login: {
    label: 'settings.login.title',
    under: ['settings.general'],
    texts: ['settings.login.'],
    isOfDesktop: true,
  },
  schedule: {
    label: 'window.limit.rules',
    under: ['settings.sending'],
    texts: [
      'window.limit.add',
      'window.limit.days',
      'window.limit.noRules',
      'window.limit.allow.',
      'window.limit.from',
      'window.limit.to',
      'settings.week.',
    ],
    settings: { 'send.schedule': 'window.limit.rules' },
  },
  keep: {
    label: 'settings.keep.title',
    under: ['settings.keep.title'],
    texts: ['settings.keep.'],
    covers: ['keep.withinDays', 'keep.daily', 'keep.weekly', 'keep.monthly', 'keep.yearly'],
  },
  proxy: {
    label: 'settings.network.use',
    under: ['settings.network.title'],
    texts: ['settings.network.'],
    values: ['proxy', 'HTTPS_PROXY', 'NO_PROXY', 'SOCKS5', 'CONNECT'],
    settings: {
      'proxy.use': 'settings.network.use',
      'proxy.address': 'settings.network.formAddress',
      'proxy.user': 'settings.network.user',
      'proxy.except': 'settings.network.except',
    },
  },
  web: {
    label: 'window.web.title',
    under: ['settings.network.title'],
    texts: ['window.web.'],
    values: ['web', 'https', 'TLS', 'nginx', 'Caddy', 'X-Forwarded-For'],
    settings: {
      'web.on': 'window.web.on',
      'web.link': 'window.web.link',
      'web.host': 'window.web.host',
      'web.port': 'window.web.port',
      'web.names': 'window.web.names',
      'web.socket': 'window.web.socket',
      'web.proxy': 'window.web.proxy',
    },
  },
  events: {
    label: 'window.events.title',
    under: ['settings.reporting'],
    texts: ['window.events.'],
    values: ['events', 'CloudEvents'],
  },
  exchange: { label: 'settings.exchange.title', under: ['settings.general'], texts: ['settings.exchange.'] },
  changes: { label: 'change.title', under: ['settings.general'], texts: ['change.explain', 'change.show'] },
  inside: {
    label: 'window.inside.title',
    under: ['window.help'],
    texts: ['window.inside.explain', 'window.worker.'],
  },
  guide: { label: 'window.help.guide', under: ['window.help'] },
  shortcuts: { label: 'window.help.keys', under: ['window.help'], texts: ['window.help.key.'] },
  about: { label: 'window.help.about', under: ['window.help'], texts: ['window.help.licence'] },
  report: { label: 'window.help.report', under: ['window.help'], texts: ['window.diagnostics'] },
} as const satisfies Record<
  string,
  Omit<Entry, 'getTargets'> & { under: readonly [Section]; covers?: readonly SettingKey[] }
>

type CoveredKey = Extract<
  (typeof ownSettings)[keyof typeof ownSettings],
  { covers: unknown }
>['covers'][number]
export type SettingId = keyof typeof ownSettings | Exclude<SettingKey, CoveredKey>

/** More texts and values of single settings, for the search. */
const moreWords: Readonly<Partial<Record<SettingKey, Pick<Entry, 'texts' | 'values' | 'settings'>>>> = {
  'alerts.quietHours': { texts: ['window.quiet.'] },
  'alerts.labels.project': { settings: { 'alerts.labels': 'settings.labels' } },
  'check.diskHealth': { settings: { acceptedDisks: 'window.disk.accept' } },
  'send.bytesPerSecond': { texts: ['window.limit.title'] },
}

function describePlain(key: SettingKey): Omit<Entry, 'getTargets'> {
  const { under, unit }: PlainSetting = plainSettings[key]
  const { texts = [], settings, ...more } = moreWords[key] ?? {}
  return {
    ...{ label: `setting.${key}`, under: [under], ...more },
    texts: [...texts, ...(unit === undefined ? [] : [units[unit].word])],
    settings: { [key]: `setting.${key}`, ...settings },
  }
}

/** Single settings by their keys, then parts with the settings that they cover. */
function listPageEntries(): [SettingId, Omit<Entry, 'getTargets'>][] {
  const parts = Object.entries<Omit<Entry, 'getTargets'> & { covers?: readonly SettingKey[] }>(ownSettings)
  const covered = new Set(parts.flatMap(([, { covers = [] }]) => covers))
  return [
    ...settingKeys
      .filter((key): key is Exclude<SettingKey, CoveredKey> => !covered.has(key))
      .map((key): [SettingId, Omit<Entry, 'getTargets'>] => [key, describePlain(key)]),
    ...parts.map(([id, { covers = [], settings, ...part }]): [SettingId, Omit<Entry, 'getTargets'>] => [
      id as keyof typeof ownSettings,
      {
        ...part,
        settings: {
          ...settings,
          ...Object.assign({}, ...covers.map((key) => ({ [key]: `setting.${key}` }))),
        },
      },
    ]),
  ]
}

/** Settings that are elsewhere: in a directory, at a destination, in a menu. */
const otherEntries = {
  patterns: {
    label: 'window.filters.patterns',
    under: underRules,
    texts: ['window.filters.title', 'window.filters.import', 'window.filters.form.'],
    values: ['ignore', '*.tmp', '*.log'],
    getTargets: inSource('details', ...FILTERS, 'window.filters.patterns'),
  },
  hidden: {
    label: 'window.filters.hidden',
    under: underRules,
    values: ['hidden'],
    getTargets: inSource('details', ...FILTERS, 'window.filters.hidden'),
  },
  temporary: {
    label: 'window.filters.temporary',
    under: underRules,
    values: ['temporary', ...temporaryNames],
    getTargets: inSource('details', ...FILTERS, 'window.filters.temporary'),
  },
  oneFileSystem: {
    label: 'settings.source.oneFileSystem',
    under: underRules,
    values: ['oneFileSystem'],
    getTargets: inSource('details', ...FILTERS, 'settings.source.oneFileSystem'),
  },
  leastSize: {
    label: 'window.filters.least',
    under: underRules,
    texts: ['window.filters.bytes', 'window.filters.kib', 'window.filters.mib', 'window.filters.gib'],
    values: ['minimumBytes'],
    getTargets: inSource('details', ...FILTERS, 'window.filters.least'),
  },
  mostSize: {
    label: 'window.filters.most',
    under: underRules,
    texts: ['window.filters.bytes', 'window.filters.kib', 'window.filters.mib', 'window.filters.gib'],
    values: ['maximumBytes'],
    getTargets: inSource('details', ...FILTERS, 'window.filters.most'),
  },
  age: {
    label: 'window.filters.age',
    under: underRules,
    texts: [
      'window.filters.seconds',
      'window.filters.minutes',
      'window.filters.hours',
      'window.filters.days',
    ],
    values: ['minimumAgeSeconds'],
    getTargets: inSource('details', ...FILTERS, 'window.filters.age'),
  },
  priority: {
    label: 'window.filters.priority',
    under: underRules,
    values: ['priority'],
    getTargets: inSource('details', ...FILTERS, 'window.filters.priority'),
  },
  deleteAfter: {
    label: 'window.remove.label',
    under: underRules,
    texts: ['window.remove.title', 'window.remove.never', 'window.remove.days', 'window.remove.explain'],
    values: ['deleteAfter'],
    getTargets: inSource('details', RULES, 'window.remove.label'),
  },
  silence: {
    label: 'window.silence.title',
    under: underRules,
    texts: ['window.silence.hint', 'window.silence.never', 'window.filters.hours'],
    values: ['silentHours'],
    getTargets: inSource('details', RULES, 'window.silence.title'),
  },
  expected: {
    label: 'window.expected.title',
    under: underRules,
    texts: [
      'window.expected.hint',
      'window.expected.pattern',
      'window.expected.every',
      'window.expected.within',
    ],
    values: ['expected'],
    getTargets: inSource('details', RULES, 'window.expected.title'),
  },
  digests: {
    label: 'window.digests.title',
    under: underRules,
    texts: ['window.digests.hint', 'window.digests.sha256', 'window.digests.md5'],
    values: ['digests'],
    getTargets: inSource('details', RULES, 'window.digests.title'),
  },
  sourceName: {
    label: 'settings.source.name',
    under: underRules,
    texts: ['settings.source.closedMark', 'settings.source.sentMark', 'window.add.prefix'],
    values: ['name', 'batch', 'finished.parse', 'finished.watch'],
    getTargets: inSource('details', RULES, 'settings.source.name'),
  },
  sourceDestinations: {
    label: 'window.destination.choose',
    under: underSource,
    values: ['destinations'],
    getTargets: inSource('menu', 'window.destination.choose'),
  },
  sourcePause: {
    label: 'window.source.pause',
    under: underSource,
    values: ['paused'],
    getTargets: inSource('menu', 'window.source.pause'),
  },
  sourceMove: {
    label: 'window.source.move',
    under: underSource,
    values: ['path'],
    getTargets: inSource('menu', 'window.source.move'),
  },
  sourceRemove: {
    label: 'settings.source.remove',
    under: underSource,
    getTargets: inSource('menu', 'window.source.remove'),
  },
  addDirectory: {
    label: 'window.addDirectory',
    under: underSource,
    texts: ['window.add.'],
    values: ['kind', 'directory', '目錄'],
    getTargets: addDirectory,
  },
  checkedPath: {
    label: 'window.add.checkedPath',
    under: underSource,
    getTargets: onPage('overview', 'window.back', 'window.add.otherWays', 'window.add.checkedPath'),
  },
  computers: {
    label: 'window.computers.add',
    under: underSource,
    texts: ['window.computers.'],
    getTargets: onPage('overview', 'window.back', 'window.add.otherWays', 'window.computers.add'),
  },
  ...(Object.fromEntries(addable.map((kind) => [kind, buildKind(kind)])) as Record<AddableKind, Entry>),
  address: {
    label: 'window.destinations.change',
    under: underDestinations,
    texts: ['window.destinations.field.', 'window.destinations.login.'],
    getTargets: atDestination(
      (kind) => kind !== 'folder',
      (kind) => ['window.destinations.change', ...(kind === 'embedded' ? [] : [firstField(kind)])],
    ),
  },
  encryption: {
    label: 'window.destinations.encrypt.label',
    under: underAdding,
    texts: ['window.destinations.encrypt.'],
    getTargets: (_state, t) =>
      addable
        .filter((kind) => kind !== 'receiver')
        .map((kind) => adding(kind, t, 'window.destinations.encrypt.label')),
  },
  destinationTest: {
    label: 'window.destinations.testMenu',
    under: underDestinations,
    getTargets: atDestination(
      () => true,
      () => ['window.destinations.testMenu'],
    ),
  },
  samples: {
    label: 'window.samples.menu',
    under: underDestinations,
    texts: ['window.samples.'],
    getTargets: atDestination(
      () => true,
      () => ['window.samples.menu'],
    ),
  },
  destinationName: {
    label: 'window.destination.rename',
    under: underDestinations,
    getTargets: atDestination(
      () => true,
      () => ['window.destination.rename'],
    ),
  },
  eject: {
    label: 'window.destination.eject',
    under: underDestinations,
    getTargets: atDestination(
      (kind) => kind === 'folder',
      () => ['window.destination.eject'],
    ),
  },
  space: {
    label: 'settings.space.label',
    under: underDestinations,
    texts: ['window.destinations.free'],
    getTargets: atDestination(
      () => true,
      () => [],
    ),
  },
  restore: {
    label: 'window.restore.open',
    under: underDestinations,
    texts: ['window.restore.menu'],
    getTargets: onPage('destinations', 'window.restore.open'),
  },
  receiving: {
    label: 'window.receiving.title',
    under: underDestinations,
    texts: ['window.receiving.hint', 'window.receiving.on', 'window.receiving.directory'],
    settings: { receive: 'settings.receive' },
    getTargets: onPage('destinations', 'window.back', 'window.receiving.title'),
  },
  stations: {
    label: 'settings.stations',
    under: underStations,
    getTargets: inStations('settings.stations'),
  },
  receivePort: {
    label: 'window.receiving.port',
    under: underReceiving,
    getTargets: inReceiving('window.receiving.port'),
  },
  receiveQuota: {
    label: 'window.receiving.quota',
    under: underReceiving,
    texts: ['window.receiving.limits'],
    values: ['quotaBytes', 'quotaBytesOf'],
    getTargets: inReceiving('window.receiving.quota'),
  },
  receiveAlerts: {
    label: 'window.receiving.silentHours',
    under: underReceiving,
    texts: ['window.receiving.failingMinutes'],
    values: ['silentHours', 'silentHoursOf', 'failingMinutes'],
    getTargets: inReceiving('settings.advanced', 'window.receiving.silentHours'),
  },
  receiveSpace: {
    label: 'window.receiving.keepFree',
    under: underReceiving,
    texts: ['window.receiving.keepFree', 'window.receiving.quotaFiles', 'window.receiving.lockDays'],
    values: ['keepFree', 'quotaFiles', 'quotaFilesOf', 'lockDays'],
    getTargets: inReceiving('settings.advanced', 'window.receiving.keepFree'),
  },
  receiveAddress: {
    label: 'window.receiving.host',
    under: underReceiving,
    texts: ['window.receiving.host', 'window.receiving.isocket'],
    values: ['host', 'isocketPort', 'isocketHost'],
    getTargets: inReceiving('settings.advanced', 'window.receiving.host'),
  },
  invite: {
    label: 'window.receiving.invite',
    under: underStations,
    getTargets: inStations('window.receiving.invite'),
  },
  pause: {
    label: 'window.pause.label',
    under: ['window.pause'],
    texts: ['window.pause.'],
    getTargets: (state, t) => [
      {
        name: null,
        page: 'overview',
        // The button has the first name while sending is paused.
        steps: at(t, [
          state.settings.pause === null ? 'window.pause.menu' : 'window.pause.resumeMenu',
          'window.pause.quarter',
        ]),
      },
    ],
  },
  checkNow: {
    label: 'window.checkNow',
    under: ['window.more'],
    getTargets: onPage('overview', 'window.more', 'window.checkNow'),
  },
  log: {
    label: 'window.log',
    under: ['window.more'],
    texts: ['window.log.'],
    getTargets: onPage('settings', 'window.more', 'window.log'),
  },
  alerts: {
    label: 'window.timeline.title',
    under: ['window.alerts'],
    texts: ['window.timeline.', 'window.alerts.mute', 'window.alerts.snooze', 'window.alerts.acknowledge'],
    settings: { 'alerts.muted': 'settings.muted' },
    getTargets: onPage('alerts', 'window.timeline.text'),
  },
  channelTest: {
    label: 'settings.channel.test',
    under: ['window.settings', 'settings.notifications'],
    getTargets: ({ settings }, t) =>
      settings.alerts.channels.length === 0
        ? [{ name: null, ...notifications, steps: at(t, ['window.channel.add']) }]
        : settings.alerts.channels.map(({ name }) => ({
            name,
            ...notifications,
            steps: at(t, ['window.channel.test'], name),
          })),
  },
  mute: {
    label: 'window.alerts.mute',
    under: ['window.alerts'],
    texts: ['window.alerts.snooze'],
    // Muting one thing is at its failure. While everything is muted, the page begins with that.
    getTargets: (state, t) =>
      onPage(
        'alerts',
        ...(state.settings.alerts.muted[EVERYTHING] === undefined
          ? (['window.alerts.muteAll'] as const)
          : []),
      )(state, t),
  },
  reportView: {
    label: 'window.transfers.view.report',
    under: ['window.transfers'],
    texts: ['window.report.'],
    getTargets: onPage('transfers', 'window.transfers.view.report', 'window.report.again'),
  },
  files: {
    label: 'window.files.title',
    under: ['window.transfers'],
    texts: ['window.files.', 'window.file.'],
    getTargets: onPage('transfers', 'window.files.search'),
  },
} as const satisfies Record<string, Entry>

type AddableChannel = Exclude<(typeof channelTypes)[number], 'command'>
const addableChannels = channelTypes.filter((type): type is AddableChannel => catalog[type].isAddable)

/** Returns the forms of the channels of a type, and the one that adds another. */
const channelTargets = (
  type: (typeof channelTypes)[number],
  { settings }: AppState,
  t: Words['t'],
): Target[] => {
  const present = settings.alerts.channels.filter((channel) => channel.type === type)
  return [
    ...present.map(({ name }): Target => {
      const open = { name: t('window.source.actions', { name }), within: name }
      return {
        name,
        ...notifications,
        steps: [open, ...at(t, ['window.channel.edit', 'window.channel.name'], name)],
      }
    }),
    {
      name: present.length === 0 ? null : t('window.channel.add'),
      ...notifications,
      steps: at(t, ['window.channel.add', `channel.type.${type}`, 'window.channel.name']),
    },
  ]
}

type EntryId = SettingId | keyof typeof otherEntries | AddableChannel

/** Everything that the search finds; entries that match equally well keep this order. */
export const settingsCatalog: ReadonlyMap<EntryId, Entry> = new Map<EntryId, Entry>([
  ...listPageEntries().map(
    ([id, entry]) =>
      [
        id,
        { ...entry, under: ['window.settings', ...entry.under] as const, getTargets: setting(id) },
      ] as const,
  ),
  ...addableChannels.map((type) => {
    const entry: Entry = {
      label: `channel.type.${type}`,
      under: ['window.settings', 'settings.notifications'],
      texts: [`channel.needs.${type}`, `channel.${type}.`],
      values: [type],
      getTargets: (state, t) => channelTargets(type, state, t),
    }
    return [type, entry] as const
  }),
  ...Object.entries(otherEntries).map(([id, entry]) => [id as keyof typeof otherEntries, entry] as const),
])

/** Returns the section of a setting, or of its own name; undefined for other places. */
export const findSection = (place: string): Section | undefined =>
  sections.find((one) => one === place || settingsCatalog.get(place as EntryId)?.under[1] === one)

/** Names of settings, by their keys in the settings file. */
export const settingNames: Readonly<Record<string, WordKey>> = Object.assign(
  {},
  ...[...settingsCatalog.values()].map(({ settings }) => settings ?? {}),
)

/** The key of the words by which people search an entry, besides its own texts; separated by commas. */
export const synonymKey = (id: EntryId): WordKey =>
  isAddableChannel(id)
    ? `channel.find.${id}`
    : isSettingKey(id)
      ? (`setting.${id}.find` as WordKey)
      : `settings.find.${id}`

const isAddableChannel = (id: EntryId): id is AddableChannel =>
  (addableChannels as readonly EntryId[]).includes(id)

export type { EntryId }
