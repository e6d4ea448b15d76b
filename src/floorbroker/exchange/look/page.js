"use strict";
(() => {
  const EVERY_MS = 1000;
  const byId = (id) => document.getElementById(id);
  const PHASES = {
    closed: "closed", overnight: "overnight", pre: "pre-market", regular: "regular session",
    post: "after hours",
  };
  const shown = {}; // section -> the JSON it shows; what has not changed is left alone
  let truth = null;
  let lostSince = null;

  /** Whatever a client sent becomes text here, never markup. */
  const make = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined && text !== null) node.textContent = text;
    return node;
  };

  const grouped = (text) => {
    if (text === null || text === undefined) return "";
    const [whole, part] = String(text).split(".");
    const sign = whole.startsWith("-") ? "-" : "";
    const digits = whole.replace("-", "").replace(/\B(?=(\d{3})+(?!\d))/g, ",");
    return sign + digits + (part === undefined ? "" : "." + part);
  };
  const price = (text) => {
    if (text === null || text === undefined) return "";
    const part = String(text).split(".")[1] || "";
    return grouped(part.length < 2 ? String(text).split(".")[0] + "." + part.padEnd(2, "0") : text);
  };
  const zoned = new Intl.DateTimeFormat("en-GB", {
    timeZone: "America/New_York", hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
  const dated = new Intl.DateTimeFormat("en-GB", {
    timeZone: "America/New_York", weekday: "short", day: "numeric", month: "short",
  });
  const millis = (text) => Date.parse(String(text).replace(/(\.\d{3})\d*Z$/, "$1Z"));
  const lasting = (ms) => {
    const s = Math.max(0, Math.round(ms / 1000));
    if (s < 60) return `${s} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min`;
    if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
    return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
  };
  const age = (text) => lasting(millis(truth.clock.now) - millis(text));

  const cell = (kind, text, title) => ({ kind, text, title });
  const number = (text) => cell("n", text);
  const moment = (text) => text ? cell("n", zoned.format(millis(text)), text) : cell("n", "");
  const side = (word) => cell(word === "buy" ? "buy w" : "sell w", word.toUpperCase());
  const gain = (text) => {
    const n = Number(text);
    const mark = n > 0 ? "▲ +" : n < 0 ? "▼ " : "";
    return cell(n > 0 ? "gain" : n < 0 ? "loss" : "muted", `${mark}${grouped(text)} today`);
  };

  /** The first `leads` cells of a row are its headline where the window is narrow. */
  const table = (id, leads, columns, rows, empty) => {
    const said = JSON.stringify(rows);
    if (shown[id] === said) return;
    shown[id] = said;
    const place = byId(id);
    if (!rows.length) {
      place.replaceChildren(...(empty ? [make("p", "empty", empty)] : []));
      return;
    }
    const built = make("table");
    const head = built.createTHead().insertRow();
    for (const [name, kind] of columns) {
      const th = make("th", kind === "n" ? "n" : "", name);
      th.scope = "col";
      head.append(th);
    }
    const body = built.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      row.forEach((one, place) => {
        const lead = place >= leads ? "" : place === leads - 1 ? " lead end" : " lead";
        const td = make("td", one.kind + lead, one.text);
        td.dataset.label = columns[place][0];
        if (one.title) td.title = one.title;
        if (one.below) td.append(make("span", `below ${one.below.kind}`, one.below.text));
        if (one.tag) td.append(" ", make("span", "tag", one.tag));
        line.append(td);
      });
    }
    place.replaceChildren(built);
  };
  const gist = (id, text) => { document.querySelector(`#h-${id} .gist`).textContent = text; };
  const counted = (n, one, many) => `${grouped(n)} ${n === 1 ? one : many || one + "s"}`;

  const terms = (order) => {
    const parts = [order.type.replace("_", " ")];
    if (order.stop_price) parts.push(price(order.stop_price));
    if (order.limit_price) parts.push(order.stop_price ? `limit ${price(order.limit_price)}` : price(order.limit_price));
    parts.push(order.time_in_force);
    const said = parts.join(" ") + (order.extended_hours ? ", extended hours" : "");
    if (!order.order_class || order.order_class === "simple") return said;
    return `${said}, ${order.parent_id ? `leg of ${order.order_class}` : order.order_class}`;
  };

  const draw = {
    orders() {
      const columns = [["Side"], ["Quantity", "n"], ["Symbol"], ["Terms"], ["Filled", "n"],
        ["Status"], ["Age", "n"], ["Account"], ["Client order id"]];
      const rows = truth.orders.map((order) => [
        side(order.side),
        number(order.qty ? grouped(order.qty) : `$ ${grouped(order.notional)}`),
        cell("strong w", order.symbol),
        cell("", terms(order)),
        number(Number(order.filled_qty)
          ? `${grouped(order.filled_qty)} @ ${price(order.filled_avg_price)}` : "0"),
        cell("", `${order.status.replace("_", " ")}: ${order.state}`),
        cell("n", age(order.submitted_at), order.submitted_at),
        cell("cut", order.account, order.account),
        cell("cut t", order.client_order_id, `${order.client_order_id}\nid ${order.id}`),
      ]);
      table("orders", 4, columns, rows, "No order is open.");
      const more = truth.counts.open_orders - truth.orders.length;
      gist("orders", (more > 0 ? `the newest ${truth.orders.length} of ` : "")
        + `${grouped(truth.counts.open_orders)} open, ${grouped(truth.counts.orders)} ever`);
    },
    symbols() {
      const columns = [["Symbol"], ["Bid size", "n"], ["Bid", "n"], ["Ask", "n"], ["Ask size", "n"],
        ["Last", "n"], ["At", "n"], ["Open orders", "n"], ["Remark"]];
      const rows = truth.symbols.map((one) => {
        const remarks = [];
        if (one.is_halted) remarks.push("halted");
        if (one.is_overnight_halted) remarks.push("halted overnight");
        const row = [
          cell("strong w", one.symbol),
          number(grouped(one.bid_size)), number(price(one.bid)),
          number(price(one.ask)), number(grouped(one.ask_size)),
          number(price(one.last)), moment(one.last_time),
          number(one.open_orders ? grouped(one.open_orders) : ""),
          cell("w", one.is_scripted ? "scripted" : !one.trades_now && !one.is_halted ? "does not trade now" : ""),
        ];
        if (remarks.length) row[8].tag = remarks.join(", ");
        return row;
      });
      table("symbols", 1, columns, rows, "No symbol has a quote, a trade or an order yet.");
      const halted = truth.symbols.filter((one) => one.is_halted).length;
      gist("symbols", `${grouped(truth.counts.symbols)} with a market`
        + (halted ? `, ${halted} halted` : ""));
    },
    fills() {
      const columns = [["Time", "n"], ["Side"], ["Quantity", "n"], ["Symbol"], ["Price", "n"],
        ["Liquidity"], ["Account"], ["Client order id"]];
      const rows = truth.fills.map((fill) => {
        const row = [
          moment(fill.time), side(fill.side), number(grouped(fill.qty)),
          cell("strong w", fill.symbol), number(price(fill.price)), cell("w", fill.liquidity),
          cell("cut", fill.account, fill.account),
          cell("cut t", fill.client_order_id, fill.client_order_id),
        ];
        if (fill.is_bust) row[5].tag = "taken back";
        return row;
      });
      table("fills", 5, columns, rows, "Nothing was filled yet.");
      gist("fills", `${grouped(truth.counts.fills)} in all`);
    },
    accounts() {
      const columns = [["Account"], ["Equity", "n"], ["Cash", "n"], ["Buying power", "n"]];
      const rows = truth.accounts.map((one) => {
        const row = [cell("cut strong", one.key, `${one.key}, ${one.account_number}`),
          { ...number(grouped(one.equity)), below: gain(one.day_pl) }, number(grouped(one.cash)), number(grouped(one.buying_power))];
        if (one.is_blocked) row[0].tag = "blocked";
        else if (one.is_suspended) row[0].tag = "suspended by its user";
        return row;
      });
      table("accounts", 1, columns, rows, "No account yet: the first request of a key opens it.");
      const places = truth.accounts.flatMap((one) => one.positions.map((each) => [
        cell("strong w", each.symbol), number(grouped(each.qty)),
        number(price(each.avg_entry_price)), number(grouped(each.market_value)),
        cell("cut", one.key, one.key),
      ]));
      table("positions", 1, [["Symbol"], ["Position", "n"], ["Average", "n"], ["Value", "n"], ["Account"]],
        places.slice(0, 200), "");
      const held = truth.accounts.reduce((sum, one) => sum + one.positions.length, 0);
      gist("accounts", `${grouped(truth.counts.accounts)}, ${counted(held, "position")}`);
    },
    streams() {
      const columns = [["Path"], ["Account"], ["State"]];
      const rows = truth.streams.map((one) => [
        cell("w", one.path), cell("t", one.account || "not authenticated"),
        cell("w", one.is_listening ? "listens" : "connected"),
      ]);
      table("streams", 1, columns, rows, "Nobody is connected to a stream.");
      gist("streams", counted(rows.length, "connection"));
    },
    faults() {
      const rows = truth.faults.fault.map((one) => [
        cell("w strong", one.kind),
        cell("t", ["method", "path", "event", "symbol", "account"].map((name) => one[name])
          .filter(Boolean).join(" ") || "everything"),
        number(`${grouped(one.fired)} of ${grouped(one.matched)}`),
      ]);
      table("faults", 1, [["Fault"], ["Strikes at"], ["Struck", "n"]], rows,
        "No fault is planned: this is a good day.");
      const strikes = truth.faults.fired.map((one) => [
        moment(one.time), cell("w", one.kind), cell("t", one.at),
      ]);
      table("strikes", 2, [["Struck", "n"], ["Fault"], ["At"]], strikes, "");
      gist("faults", rows.length ? `${rows.length} planned, seed ${truth.faults.seed}` : "");
    },
    limits() {
      const rows = truth.rate_limits.map((one) => [
        cell("t", one.account), number(`${grouped(one.remaining)} of ${grouped(one.limit)}`),
        number(lasting(one.resets_in_s * 1000)),
      ]);
      table("limits", 1, [["Account"], ["Requests left", "n"], ["Renewed in", "n"]], rows,
        truth.rate_limit ? "Nobody has asked in the last minute." : "There is no rate limit.");
      gist("limits", truth.rate_limit ? `${grouped(truth.rate_limit)} requests a minute` : "");
    },
    figures() {
      const { counts } = truth;
      const listening = truth.streams.filter((one) => one.is_listening).length;
      const partly = truth.orders.filter((one) => one.status === "partially_filled").length;
      const told = [
        ["Open orders", counts.open_orders, partly ? `${partly} partly filled` : `${grouped(counts.orders)} ever`],
        ["Fills", counts.fills, truth.fills.length ? `the last ${age(truth.fills[0].time)} ago` : "none yet"],
        ["Accounts", counts.accounts, counted(truth.accounts.reduce((n, a) => n + a.positions.length, 0), "position")],
        ["Streams", truth.streams.length, `${listening} listening`],
      ];
      byId("figures").replaceChildren(...told.map(([name, value, small]) => {
        const box = make("div");
        const figure = make("dd", "", grouped(value));
        box.append(make("dt", "", name), figure, make("dd", "small", small));
        return box;
      }));
    },
    clock() {
      const { clock } = truth;
      const now = millis(clock.now);
      byId("time").textContent = zoned.format(now);
      byId("time").title = clock.now;
      byId("date").textContent = `${dated.format(now)}, New York`;
      byId("phase").textContent = PHASES[clock.phase] || clock.phase;
      byId("phase").className = `phase ${clock.phase}`;
      const next = millis(clock.next_phase_at);
      const far = next - now > 20 * 3600e3 ? `${dated.format(next)} ` : "";
      byId("until").textContent = `${PHASES[clock.next_phase]} at ${far}`
        + `${zoned.format(next).slice(0, 5)}, in ${lasting(next - now)}`;
      byId("until").title = clock.next_phase_at;
      const speed = clock.is_slowed ? "1" : clock.speed;
      byId("speed").textContent = speed === "0" ? "time stands still" : speed === "max"
        ? "as fast as it can" : `speed ×${speed}`;
      document.title = `${zoned.format(now).slice(0, 5)} ${PHASES[clock.phase]} · Exchange`;
    },
    attention() {
      const wanted = truth.attention;
      const said = JSON.stringify(wanted);
      if (shown.attention === said) return;
      shown.attention = said;
      const place = byId("attention");
      place.classList.toggle("wanted", wanted.length > 0);
      place.replaceChildren(...(wanted.length ? wanted.map(({ what, why }) => {
        const item = make("li");
        item.append(make("b", "", what), ` ${why}`);
        return item;
      }) : [make("li", "", "Nothing needs attention: no halt, no planned fault, no refused account.")]));
    },
    listed() {
      const symbols = truth.symbols.map((one) => one.symbol);
      const said = JSON.stringify(symbols);
      if (shown.listed === said) return;
      shown.listed = said;
      byId("listed").replaceChildren(...symbols.map((symbol) => {
        const option = make("option");
        option.value = symbol;
        return option;
      }));
    },
  };

  const look = async () => {
    const began = performance.now();
    try {
      const answer = await fetch("/_exchange/look", { cache: "no-store" });
      if (!answer.ok) throw new Error(`answered ${answer.status}`);
      truth = await answer.json();
      lostSince = null;
      for (const part of Object.values(draw)) part();
      byId("link").textContent = `live, ${Math.round(performance.now() - began)} ms`;
    } catch (problem) {
      lostSince = lostSince || new Date();
      byId("link").textContent = truth === null ? "no answer yet"
        : `no answer since ${lostSince.toLocaleTimeString("en-GB")}`;
    }
    document.documentElement.classList.toggle("lost", lostSince !== null);
  };
  const keepLooking = async () => {
    if (!document.hidden) await look();
    setTimeout(keepLooking, EVERY_MS);
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });

  // The controls: what the form says is also there as a line to copy.
  const bodyOf = (form) => {
    const fields = {};
    for (const field of form.elements) {
      if (!field.name) continue;
      const text = field.value.trim();
      fields[field.name] = text === "true" ? true : text === "false" ? false : text;
    }
    return fields;
  };
  const quoted = (text) => `'${text.replace(/'/g, "'\\''")}'`;
  const curl = (form) => {
    const url = `${location.origin}/_exchange/${form.dataset.path}`;
    if (form.dataset.path === "reset") return `curl -s -X POST ${url}`;
    return `curl -s ${url} -d ${quoted(JSON.stringify(bodyOf(form)))}`;
  };
  const send = async (form, fields) => {
    const said = form.querySelector(".said");
    try {
      const answer = await fetch(`/_exchange/${form.dataset.path}`, {
        method: "POST", body: form.dataset.path === "reset" ? "" : JSON.stringify(fields),
      });
      const told = await answer.json();
      said.className = `said ${answer.ok ? "gain" : "loss"}`;
      said.textContent = answer.ok ? `Done at ${zoned.format(millis(told.now))}.` : `Refused: ${told.message}`;
    } catch (problem) {
      said.className = "said loss";
      said.textContent = "The exchange does not answer; nothing was changed that we know of.";
    }
    await look();
  };
  for (const form of document.querySelectorAll("form")) {
    const line = make("div", "curl");
    const code = make("code");
    const copy = make("button", "", "Copy");
    copy.type = "button";
    copy.setAttribute("aria-label", `Copy the curl line of ${form.querySelector("h3").textContent}`);
    line.append(code, copy);
    const said = make("p", "said");
    said.setAttribute("role", "status");
    form.append(line, said);
    const tell = () => { code.textContent = curl(form); code.title = code.textContent; };
    tell();
    form.addEventListener("input", tell);
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        said.className = "said";
        said.textContent = "Copied.";
      } catch (problem) {
        getSelection().selectAllChildren(code);
      }
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      await send(form, bodyOf(form));
      if (form.dataset.path === "reset") { byId("sure").checked = false; arm(); }
    });
  }
  const arm = () => { document.querySelector(".danger").disabled = !byId("sure").checked; };
  byId("sure").addEventListener("change", arm);
  const clockForm = document.querySelector("form[data-path=clock]");
  for (const button of clockForm.querySelectorAll("[data-advance]")) {
    button.addEventListener("click", () => send(clockForm, { advance: button.dataset.advance }));
  }
  byId("bell").addEventListener("click", () => {
    if (truth) send(clockForm, { to: truth.clock.next_phase_at });
  });
  keepLooking();
})();
