// What the pages cannot do by themselves. Every page works without this file,
// but for ticking across pages.
(() => {
  "use strict";
  const root = document.documentElement;

  // The viewer's zone, for the server to write times in; the page that came
  // before the server knew it is put right here.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  document.cookie = `mpblock_zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax`;
  if (root.dataset.zone !== zone) {
    const two = (n) => String(n).padStart(2, "0");
    for (const e of document.querySelectorAll("time[datetime]")) {
      const d = new Date(e.dateTime);
      e.textContent = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}`;
    }
    for (const e of document.querySelectorAll("[data-zone-name]")) e.textContent = zone;
  }

  // A link to hand over is whole, whatever the server knows of its own name.
  for (const e of document.querySelectorAll("[data-link]")) e.textContent = new URL(e.textContent.trim(), location.href).href;

  // Times of the last day are told as they are spoken of; the full one is their title.
  const ago = new Intl.RelativeTimeFormat(root.lang, { numeric: "auto" });
  function tellTimes() {
    for (const e of document.querySelectorAll("time[datetime]")) {
      const seconds = Math.round((new Date(e.dateTime) - Date.now()) / 1000);
      if (seconds > 0 || seconds < -86400) { if (e.dataset.full) e.textContent = e.dataset.full; continue; }
      e.dataset.full = e.dataset.full || e.textContent;
      if (seconds > -60) e.textContent = root.dataset.now;
      else if (seconds > -3600) e.textContent = ago.format(Math.ceil(seconds / 60), "minute");
      else e.textContent = ago.format(Math.ceil(seconds / 3600), "hour");
    }
  }
  tellTimes();
  setInterval(tellTimes, 60000);
  window.addEventListener("beforeprint", () => { for (const e of document.querySelectorAll("time[data-full]")) e.textContent = e.dataset.full; });
  window.addEventListener("afterprint", tellTimes);

  // The title says how far the job of the page is, and how it ended, for who has turned
  // to another tab.
  const title = document.title;
  let worked = false;
  function tellJob() {
    const p = document.getElementById("progress");
    if (!p) return;
    const on = p.hasAttribute("hx-get");
    worked = worked || on;
    if (on) document.title = p.querySelector("progress").textContent.replace("%", " %") + " · " + title;
    else if (worked) document.title = p.querySelector("h2").textContent.trim() + " · " + title;
  }
  tellJob();

  // "/" and Ctrl-K go to the search in the bar.
  document.addEventListener("keydown", (e) => {
    const slash = e.key === "/" && !e.ctrlKey && !e.metaKey && !e.altKey && !e.target.closest("input, textarea, select");
    const k = (e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === "k";
    const search = document.querySelector("[data-search]");
    if (!search || !slash && !k || document.querySelector("dialog[open]")) return;
    e.preventDefault();
    search.focus();
    search.select();
  });

  // The bars are one stop of the Tab key: arrows go from day to day.
  for (const list of document.querySelectorAll("[data-bars]")) {
    const bars = [...list.querySelectorAll("a")];
    const only = (bar) => bars.forEach((b) => { b.tabIndex = b === bar ? 0 : -1; });
    only(bars.at(-1));
    list.addEventListener("keydown", (e) => {
      const at = bars.indexOf(document.activeElement);
      const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: bars.length - 1 }[e.key];
      if (at < 0 || to === undefined || e.ctrlKey || e.metaKey || e.altKey || !bars[to]) return;
      e.preventDefault();
      only(bars[to]);
      bars[to].focus();
    });
  }

  // Ticks live as long as the tab, per list, so that they can be set on many pages.
  const form = () => document.querySelector("form[data-picks]");
  const name = (f) => "picks:" + f.dataset.picks;
  const load = (f) => new Set(JSON.parse(sessionStorage.getItem(name(f)) || "[]"));
  const store = (f, picks) => sessionStorage.setItem(name(f), JSON.stringify([...picks]));
  const boxes = (f) => [...f.querySelectorAll("input[name=openid]:not(:disabled)")].filter((b) => b.type === "checkbox");

  // What is ticked and not on this page can be seen, and unticked.
  function showElsewhere(f, picks) {
    const box = f.querySelector("[data-elsewhere]");
    if (!box) return;
    const here = new Set(boxes(f).map((b) => b.value));
    const others = [...picks].filter((id) => !here.has(id));
    box.hidden = others.length === 0;
    if (box.hidden) box.open = false;
    box.querySelector("summary").textContent = box.dataset.elsewhere.replace("%s", others.length.toLocaleString("en"));
    box.querySelector("ul").replaceChildren(...others.slice(0, 200).map((id) => {
      const row = document.createElement("li");
      const label = document.createElement("span");
      label.className = "openid";
      label.textContent = id;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "link";
      button.dataset.drop = id;
      button.textContent = box.dataset.untick;
      button.setAttribute("aria-label", box.dataset.untick + " " + id);
      row.append(label, button);
      return row;
    }));
  }

  function show() {
    const f = form();
    if (!f) return;
    const picks = load(f);
    for (const b of boxes(f)) {
      b.checked = picks.has(b.value);
      b.closest("tr").classList.toggle("picked", b.checked);
    }
    const all = f.querySelector("[data-all]");
    if (all) {
      const here = boxes(f);
      const ticked = here.filter((b) => b.checked).length;
      all.checked = here.length > 0 && ticked === here.length;
      all.indeterminate = ticked > 0 && ticked < here.length;
      all.disabled = here.length === 0;
    }
    const count = f.querySelector("[data-count]");
    count.textContent = count.dataset.count.replace("%s", picks.size.toLocaleString("en"));
    showElsewhere(f, picks);
    const take = f.querySelector("[data-take]");
    if (take) take.hidden = !all || !all.checked;
    for (const b of f.querySelectorAll("[data-needs-picks]")) b.disabled = picks.size === 0;
  }

  document.addEventListener("change", (e) => {
    const f = form();
    if (e.target.matches("[data-submit]")) { e.target.form.requestSubmit(); return; }
    if (!f || !f.contains(e.target)) return;
    const picks = load(f);
    if (e.target.matches("[data-all]")) {
      for (const b of boxes(f)) e.target.checked ? picks.add(b.value) : picks.delete(b.value);
    } else if (e.target.name === "openid") {
      e.target.checked ? picks.add(e.target.value) : picks.delete(e.target.value);
    } else return;
    store(f, picks);
    show();
  });

  document.addEventListener("click", (e) => {
    const b = e.target.closest("button, [data-close]");
    if (!b) return;
    if (b.dataset.drop && form()) { const f = form(); const picks = load(f); picks.delete(b.dataset.drop); store(f, picks); show(); }
    if (b.matches("[data-clear]")) { const f = form(); store(f, new Set()); show(); }
    if (b.matches("[data-close]")) { const d = b.closest("dialog"); if (d) { e.preventDefault(); d.close(); } }
    if (b.dataset.fill) { const field = document.getElementById(b.dataset.fill); field.value = b.textContent.trim(); field.focus(); }
    if (b.dataset.copy && navigator.clipboard) {
      navigator.clipboard.writeText(document.getElementById(b.dataset.copy).textContent.trim()).then(() => { b.textContent = b.dataset.copied; });
    }
  });

  // With Shift, a tick takes those between it and the last one along.
  let last = null;
  document.addEventListener("click", (e) => {
    const f = form();
    if (!f || e.target.type !== "checkbox" || e.target.name !== "openid" || !f.contains(e.target)) return;
    const here = boxes(f);
    const from = here.indexOf(last);
    const to = here.indexOf(e.target);
    if (e.shiftKey && from >= 0) {
      const picks = load(f);
      for (const b of here.slice(Math.min(from, to), Math.max(from, to) + 1)) e.target.checked ? picks.add(b.value) : picks.delete(b.value);
      store(f, picks);
      show();
    }
    last = e.target;
  });

  // One menu is open at a time; Escape and a click beside it close it.
  const menus = () => document.querySelectorAll("details.pick[open]");
  document.addEventListener("click", (e) => { for (const d of menus()) if (!d.contains(e.target) && document.contains(e.target)) d.open = false; });
  document.addEventListener("keydown", (e) => {
    if (e.key !== "Escape" || document.querySelector("dialog[open]")) return;
    for (const d of menus()) { d.open = false; d.querySelector("summary").focus(); }
  });

  // What was ticked on other pages goes along with what is on this one.
  document.addEventListener("htmx:configRequest", (e) => {
    const f = e.target.closest("form[data-picks]");
    if (!f || e.detail.verb !== "post" || e.target.closest("tr")) return;
    const picks = load(f);
    const own = new Set(boxes(f).filter((b) => b.checked).map((b) => b.value));
    for (const id of picks) if (!own.has(id)) e.detail.formData.append("openid", id);
  });

  // A dialog opens when htmx has its forms: pressed before, they would leave the page.
  document.addEventListener("htmx:afterSettle", (e) => {
    const d = e.detail.target;
    if (d.tagName !== "DIALOG") return;
    if (!d.open) d.showModal();
    const first = d.querySelector("[data-first]");
    if (first) first.focus();
  });

  document.addEventListener("htmx:afterSwap", (e) => {
    if (e.detail.target.matches("[data-remark]")) { // the dialog over it has done its work
      const d = document.querySelector("dialog[open]");
      if (d) d.close();
    }
    tellTimes();
    tellJob();
    show();
  });

  // A button that was pressed shows it, and cannot be pressed twice. A form that leaves
  // the page asks first whether the server is there, so that nobody is left with an empty
  // page; it is free again when somebody comes back to it.
  function busy(f, on) {
    f.toggleAttribute("data-busy", on);
    f.setAttribute("aria-busy", on);
    for (const b of f.querySelectorAll("button:not([type=button])")) b.setAttribute("aria-disabled", on);
  }
  document.addEventListener("submit", (e) => {
    const f = e.target;
    if (f.dataset.reached) { delete f.dataset.reached; return; }
    if (f.hasAttribute("data-busy")) { e.preventDefault(); e.stopImmediatePropagation(); return; }
    if (f.method !== "post") return;
    trouble(null);
    busy(f, true);
    if (f.hasAttribute("hx-post")) return;
    e.preventDefault();
    fetch("/healthz", { method: "HEAD", cache: "no-store" }).then(
      () => { f.dataset.reached = "1"; f.requestSubmit(e.submitter); },
      () => { busy(f, false); trouble("before"); },
    );
  }, true);
  window.addEventListener("pageshow", () => { for (const f of document.querySelectorAll("[data-busy]")) busy(f, false); });
  document.addEventListener("htmx:afterRequest", (e) => {
    const f = e.target.closest && e.target.closest("form");
    if (f && !(e.detail.xhr && e.detail.xhr.getResponseHeader("HX-Redirect"))) busy(f, false);
  });

  // No answer came: before anything was asked to be changed, nothing was; after it,
  // nobody knows here.
  function trouble(which) {
    for (const e of document.querySelectorAll("[data-shown]")) e.remove();
    if (!which) return;
    const note = document.getElementById("trouble-" + which).cloneNode(true);
    note.removeAttribute("id");
    note.dataset.shown = "";
    note.hidden = false;
    (document.querySelector("dialog[open]") || document.querySelector("main")).prepend(note);
    note.focus();
  }
  for (const lost of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(lost, (e) => {
      if (e.detail.requestConfig.verb !== "post") return;
      trouble(e.target.closest("[data-changes]") && navigator.onLine ? "after" : "before");
    });
  }

  // An answer that is no success is shown as well: it says what to do. Who is no longer
  // logged in sends the form once more as a whole page, which keeps it.
  document.addEventListener("htmx:beforeSwap", (e) => {
    if (e.detail.xhr.getResponseHeader("Mpblock-Login")) {
      e.detail.shouldSwap = false; e.detail.isError = false;
      const whole = document.createElement("form");
      whole.method = "post";
      whole.action = e.detail.requestConfig.path;
      for (const [name, value] of e.detail.requestConfig.formData.entries()) {
        const field = document.createElement("input");
        field.type = "hidden"; field.name = name; field.value = value;
        whole.append(field);
      }
      document.body.append(whole);
      whole.submit();
      return;
    }
    if (e.detail.xhr.status >= 400) { e.detail.shouldSwap = true; e.detail.isError = false; }
  });

  // What has been done is no longer ticked.
  for (const done of document.querySelectorAll("[data-done]")) {
    for (const key of Object.keys(sessionStorage)) if (key === "picks:" + done.dataset.done) sessionStorage.removeItem(key);
  }

  // A file may be dropped on the field into which its lines could be pasted.
  for (const area of document.querySelectorAll("[data-drop]")) {
    area.addEventListener("dragover", (e) => e.preventDefault());
    area.addEventListener("drop", (e) => {
      if (!e.dataTransfer.files.length) return;
      e.preventDefault();
      document.getElementById(area.dataset.drop).files = e.dataTransfer.files;
    });
  }
  show();
})();
