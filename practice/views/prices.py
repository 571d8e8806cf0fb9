"""What models cost: the price table of a workspace."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404, workspace_of
from memoryapp.clients import embeddings, resting
from memoryapp.domain.errors import ChangedMeanwhile, UnableTo
from memoryapp.models import EmbeddingModel
from memoryapp.queries.meanwhile import Meanwhile, meanwhile
from memoryapp.services.retrieval import embedding_try
from memoryapp.views.links import parameter
from memoryapp.views.settings_tabs import settings_tabs
from practice.models import ModelPrice
from practice.services.connections import model_try
from practice.services.prices import (
    configured_models,
    price_of,
    price_remove,
    price_said,
    price_set,
)
from practice.views.model_forms import PriceForm


@require_safe
@gate(Right.READ)
def price_list(request: HttpRequest) -> HttpResponse:
    asked = parameter(request, "model")
    return _page(request, PriceForm.about(asked, price_of(workspace_of(request), asked)))


@require_POST
@gate(Right.EDIT)
def save(request: HttpRequest) -> HttpResponse:
    workspace, form = workspace_of(request), PriceForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    asked = form.asked()
    try:
        price = price_set(workspace=workspace, by=request.user, **asked)
    except ChangedMeanwhile as refusal:
        stands = price_of(workspace, asked["model"])
        subject = stands or ModelPrice(workspace=workspace, model=asked["model"])
        found = meanwhile(workspace, subject, price_said(stands), asked["seen"])
        again = form.again(found)
        return _page(request, again, status=refusal.status, meanwhile=found)
    except UnableTo as error:
        form.add_error("model", str(error))
        return _page(request, form, status=error.status)
    messages.success(request, f"The price of {price.model} counts from the next call on.")
    return redirect("price-list")


@require_POST
@gate(Right.EDIT)
def test(request: HttpRequest) -> HttpResponse:
    """Ask a configured model one short question: the language model, or the one of embeddings."""
    try:
        if request.POST.get("what") == "embedding":
            said = embedding_try()
        else:
            said = model_try(workspace_of(request))
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said)
    return redirect("price-list")


@require_POST
@gate(Right.EDIT)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    rows = ModelPrice.objects.filter(workspace=workspace_of(request)).select_related("workspace")
    price = object_or_404(rows, pk=pk)
    price_remove(price=price, by=request.user)
    messages.success(request, f"The price of {price.model} was removed. Past costs stay.")
    return redirect("price-list")


def _page(
    request: HttpRequest,
    form: PriceForm,
    *,
    status: int = 200,
    meanwhile: Meanwhile | None = None,
) -> HttpResponse:
    workspace, embedder = workspace_of(request), embeddings.configured()
    context = {
        "prices": workspace.model_prices.select_related("updated_by"),
        "configured": configured_models(workspace),
        "embedder": embedder,
        "is_resting": embedder is not None and resting.rests(embedder),
        "serving": EmbeddingModel.objects.filter(status=EmbeddingModel.Status.SERVING).first(),
        "form": form,
        "meanwhile": meanwhile,
        "may_edit": membership_of(request).may_edit,
        "settings_tabs": settings_tabs(request),
    }
    return render(request, "practice/prices.html", context, status=status)
