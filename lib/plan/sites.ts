import type { FileAddress } from '../image/types'
import type { Site } from './types'

/** A site as its finder knows it; the rest has defaults. */
export interface SiteDraft
  extends Pick<Site, 'symbol' | 'step' | 'role' | 'registers' | 'maps'>,
    Partial<Pick<Site, 'name' | 'reads' | 'callerWithin' | 'keepMask'>> {
  /** By which the list finds it again. */
  key: string
}

/** A site, what its finder does not say being its default. `address`: null where it is armed while running. */
export function siteOf(draft: Omit<SiteDraft, 'key'>, address: FileAddress | null): Site {
  const site = { name: draft.symbol, reads: [], last: false, callerWithin: null, armReturn: null, keepMask: false }
  // Not one literal: what follows a spread costs V8 2.5 µs, and a program has hundreds of sites.
  return Object.assign(site, draft, { address })
}

/** The sites of a plan while they are collected. Invariant: no two entries have the same address. */
export class SiteList {
  private readonly byKey = new Map<string, Site>()
  private readonly byAddress = new Map<FileAddress, Site>()
  /** In the plan's order. */
  private readonly order: Site[] = []
  /** Function → the site at its return. */
  private readonly returns = new Map<Site, Site>()

  /** Adds a site, or merges its needs into the one that has its address already; that one keeps its name. */
  add(draft: SiteDraft & { address: FileAddress }): Site {
    const known = this.byAddress.get(draft.address)
    const site = known ? merge(known, draft) : this.append(draft, draft.address)
    this.byAddress.set(draft.address, site)
    this.byKey.set(draft.key, site)
    return site
  }

  /** Adds the place where the function of another site returns to; nothing when that site is not in the plan. */
  addReturn(draft: SiteDraft, ofKey: string): void {
    const of = this.byKey.get(ofKey)
    if (!of || this.returns.has(of)) return
    const site = this.append(draft, null)
    this.byKey.set(draft.key, site)
    this.returns.set(of, site)
  }

  /** The first site in the plan's order that is like this. */
  find(test: (site: Site) => boolean): Site | undefined {
    return this.order.find(test)
  }

  /** Keeps the sites of which `test` is true, by site and place in the order. */
  retain(test: (site: Site, index: number) => boolean): void {
    const kept = this.order.filter(test)
    this.order.splice(0, this.order.length, ...kept)
  }

  indexOf(site: Site): number {
    return this.order.indexOf(site)
  }

  /** The sites, `armReturn` filled in. */
  finish(): Site[] {
    const index = new Map(this.order.map((site, at) => [site, at]))
    for (const [of, site] of this.returns) of.armReturn = index.get(site) ?? null
    return this.order
  }

  private append({ key: _, ...draft }: SiteDraft, address: FileAddress | null): Site {
    const site = siteOf(draft, address)
    this.order.push(site)
    return site
  }
}

/** Reads of both: a site's reads refer to each other by index, so only one of the two may have any. */
function merge(site: Site, draft: SiteDraft): Site {
  if (site.reads.length > 0 && draft.reads?.length) throw new Error(`two lists of reads at ${site.name}`)
  site.registers ||= draft.registers
  site.maps ||= draft.maps
  site.keepMask ||= draft.keepMask ?? false
  site.callerWithin ??= draft.callerWithin ?? null
  if (draft.reads?.length) site.reads = draft.reads
  return site
}
